# Spdlog: libspdlog-dev 1.10 (licence MIT) with Debian's fmt 9 (licence MIT). Its package config is
# not used: the headers must never come before or after torch's own, newer fmt in one file, so only
# src/base/log.cpp, which includes no torch header, sees them.
find_path(Spdlog_INCLUDE_DIR spdlog/spdlog.h)
find_library(Spdlog_LIBRARY spdlog)
find_library(Spdlog_FMT_LIBRARY fmt)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Spdlog
  REQUIRED_VARS Spdlog_LIBRARY Spdlog_FMT_LIBRARY Spdlog_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install it with scripts/setup.sh")
if(Spdlog_FOUND AND NOT TARGET Spdlog::spdlog)
  add_library(Spdlog::spdlog UNKNOWN IMPORTED)
  set_target_properties(Spdlog::spdlog PROPERTIES
    IMPORTED_LOCATION ${Spdlog_LIBRARY}
    INTERFACE_COMPILE_DEFINITIONS "SPDLOG_COMPILED_LIB;SPDLOG_FMT_EXTERNAL"
    INTERFACE_LINK_LIBRARIES ${Spdlog_FMT_LIBRARY})
endif()
