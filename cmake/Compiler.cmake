# Warnings, optimisation, sanitizers and ccache, the same for every target.
# -fPIC everywhere, not CMake's -fPIE for programs: a precompiled header serves only equal flags.
# -Wno-restrict: false alarms of g++ 12 on std::string's operator+ (GCC bug 105651).
add_library(ropewalk_compiler INTERFACE)
target_compile_options(ropewalk_compiler INTERFACE 
  -fPIC -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -Winvalid-pch)
target_include_directories(ropewalk_compiler INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(ropewalk_compiler INTERFACE ROPEWALK_VERSION="${PROJECT_VERSION}")

if(ROPEWALK_SANITIZE)
  target_compile_options(ropewalk_compiler INTERFACE -fsanitize=${ROPEWALK_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(ropewalk_compiler INTERFACE -fsanitize=${ROPEWALK_SANITIZE})
endif()
if(ROPEWALK_FUZZ)
  # Counts what is reached; the fuzzer's main belongs to the targets alone. A report ends the program.
  target_compile_options(ropewalk_compiler INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize-recover=all)
endif()

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(ROPEWALK_CCACHE ccache)
  if(ROPEWALK_CCACHE)
    # A precompiled header is cached only when ccache is told that its macros and times do not matter.
    # Paths below the clone count as relative, so that a second clone finds the first one's objects.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${ROPEWALK_CCACHE})
  endif()
endif()
