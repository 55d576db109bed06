# Tests that are scripts: checks of the sources, and tests/python/test_*.py, which drive the program
# and compare it with independent implementations.
#
# Input: ROPEWALK_ORACLE_PYTHON  interpreter that has third_party/pins/oracles.txt
#        ROPEWALK_OLD_ORACLES    folder of third_party/pins/oracles-old.txt
#        ROPEWALK_TEXT_ORACLES   folder of third_party/pins/oracles-text.txt
# All are found after scripts/setup.sh --oracles. Without them the Python tests are left out.
include(${PROJECT_SOURCE_DIR}/third_party/DependencyFolder.cmake)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(results ${PROJECT_BINARY_DIR}/test-results)

# Every test leaves its results as JUnit XML in one folder, where the skip check reads them.
get_directory_property(layer_tests TESTS)
foreach(name IN LISTS layer_tests)
  set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
    GTEST_OUTPUT=xml:${results}/${name}.xml OMP_NUM_THREADS=1)
endforeach()

add_test(NAME check.includes
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/check_includes.py)
add_test(NAME check.format COMMAND ${PROJECT_SOURCE_DIR}/scripts/format.sh --check)
if(NOT ROPEWALK_ORACLE_PYTHON)
  ropewalk_dependency_folder(folder oracles)
  if(EXISTS ${folder}/complete)
    set(ROPEWALK_ORACLE_PYTHON ${folder}/bin/python CACHE FILEPATH
        "Python interpreter that has third_party/pins/oracles.txt")
  endif()
endif()
if(NOT ROPEWALK_OLD_ORACLES)
  ropewalk_dependency_folder(folder oracles-old)
  if(EXISTS ${folder})
    set(ROPEWALK_OLD_ORACLES ${folder} CACHE PATH "Folder of third_party/pins/oracles-old.txt")
  endif()
endif()
if(NOT ROPEWALK_TEXT_ORACLES)
  ropewalk_dependency_folder(folder oracles-text)
  if(EXISTS ${folder})
    set(ROPEWALK_TEXT_ORACLES ${folder} CACHE PATH "Folder of third_party/pins/oracles-text.txt")
  endif()
endif()

# ropewalk_python_test(NAME SCRIPT LABELS ... ENVIRONMENT ... [OPTIONS ...]): one run of pytest.
function(ropewalk_python_test name script)
  cmake_parse_arguments(TEST "" "" "LABELS;ENVIRONMENT;OPTIONS" ${ARGN})
  add_test(NAME ${name}
    COMMAND ${ROPEWALK_ORACLE_PYTHON} -m pytest -q -p no:cacheprovider -rs ${TEST_OPTIONS}
      --junitxml=${results}/${name}.xml ${script}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/python)
  set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT 900)
  set_property(TEST ${name} PROPERTY ENVIRONMENT
    ROPEWALK_BIN=$<TARGET_FILE:ropewalk>
    ROPEWALK_TOOLS=${CMAKE_CURRENT_BINARY_DIR}
    ROPEWALK_SOURCE_DIR=${PROJECT_SOURCE_DIR}
    ROPEWALK_OLD_ORACLES=${ROPEWALK_OLD_ORACLES}
    ROPEWALK_TEXT_ORACLES=${ROPEWALK_TEXT_ORACLES}
    HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
    ${TEST_ENVIRONMENT})
endfunction()

if(ROPEWALK_ENGINE AND ROPEWALK_ORACLE_PYTHON)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/python/test_*.py)
  foreach(script IN LISTS scripts)
    get_filename_component(name ${script} NAME_WE)
    string(REGEX REPLACE "^test_" "" name ${name})
    set(labels cpu)
    if(name IN_LIST cuda_scripts)
      list(APPEND labels cuda)
    endif()
    ropewalk_python_test(python.${name} ${script} LABELS ${labels})
    # The long form of what is marked so (tests/python/long_forms.py).
    file(STRINGS ${script} marked REGEX "^@pytest.mark.long$")
    if(marked)
      ropewalk_python_test(long.${name} ${script} LABELS slow ENVIRONMENT ROPEWALK_FULL=1 OPTIONS -m long)
      set_tests_properties(long.${name} PROPERTIES TIMEOUT 3600)
    endif()
  endforeach()
  # Kills, starves and damages runs.
  ropewalk_python_test(python.reliability ${CMAKE_CURRENT_SOURCE_DIR}/python/reliability LABELS cpu)
  set_tests_properties(python.reliability PROPERTIES PROCESSORS 2)
  if(ROPEWALK_PARQUET)
    ropewalk_python_test(python.parquet ${CMAKE_CURRENT_SOURCE_DIR}/python/parquet LABELS cpu
      ENVIRONMENT PYTHONPATH=${ROPEWALK_PYARROW}/..)
  endif()
  set(families ${CMAKE_CURRENT_SOURCE_DIR}/python/families)
  ropewalk_python_test(python.families ${families} LABELS cpu)
  # Every kind of scaling on every family.
  ropewalk_python_test(python.families_cross ${families}/test_families.py
    LABELS slow ENVIRONMENT ROPEWALK_CASE_GROUPS=cross)
  # Both use two processes. The long one starts early.
  set_tests_properties(python.families python.families_cross PROPERTIES PROCESSORS 2 COST 300)
  set_tests_properties(python.families_cross PROPERTIES TIMEOUT 3600)
elseif(ROPEWALK_ENGINE)
  message(STATUS "No oracles (scripts/setup.sh --oracles): the Python tests are left out")
endif()

# Last: reads the results of all the others.
get_directory_property(all_tests TESTS)
add_test(NAME check.skips
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/check_skips.py ${results}
    ${CMAKE_CURRENT_SOURCE_DIR}/allowed_skips.txt)
set_tests_properties(check.skips PROPERTIES DEPENDS "${all_tests}")
