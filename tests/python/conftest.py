def pytest_configure(config):
    config.addinivalue_line("markers", "long: has a long form; see long_forms.py")
