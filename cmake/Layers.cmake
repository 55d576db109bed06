# ropewalk_layer(NAME [TORCH] [OBJECT] [LAYERS ...] [LIBRARIES ...])
# One layer = src/NAME/**.cpp, headers in include/ropewalk/NAME and src/NAME. LAYERS are the only
# ropewalk layers it may include; scripts/check_includes.py reads the same calls and enforces it.
function(ropewalk_layer name)
  cmake_parse_arguments(LAYER "TORCH;OBJECT" "" "LAYERS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/(cuda|parquet)/")  # chosen by their own CMakeLists.txt
  set(target ropewalk_${name})
  if(NOT sources)
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  elseif(LAYER_OBJECT)
    # Object library: a static archive would drop the operators' registrations.
    add_library(${target} OBJECT ${sources})
    set(scope PUBLIC)
  else()
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
  endif()
  target_link_libraries(${target} ${scope} ropewalk_compiler ${LAYER_LIBRARIES})
  foreach(layer IN LISTS LAYER_LAYERS)
    target_link_libraries(${target} ${scope} ropewalk_${layer})
  endforeach()
  if(LAYER_TORCH)
    target_link_libraries(${target} ${scope} LibTorch::cpu)
    if(sources)
      ropewalk_torch_sources(${target})
    endif()
  elseif(sources)
    ropewalk_json_pch(${target})
    ropewalk_unity(${target})
  endif()
endfunction()

# Several sources of a target compiled as one, because what heavy headers cost is paid once per
# compilation. Names in anonymous namespaces must therefore differ within the target.
function(ropewalk_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# For targets whose sources include torch. A source that sets its own target machine stands alone.
function(ropewalk_torch_sources target)
  ropewalk_torch_pch(${target})
  ropewalk_unity(${target})
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "/cpu/kernels_")
  set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# ropewalk_shared_pch(TARGET NAME HEADERS ... LIBRARIES ...): one precompiled header NAME, made once
# and used by every target that asks for it.
function(ropewalk_shared_pch target name)
  cmake_parse_arguments(PCH "" "" "HEADERS;LIBRARIES" ${ARGN})
  if(NOT TARGET ${name})
    file(WRITE ${PROJECT_BINARY_DIR}/${name}.cpp "")
    add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/${name}.cpp)
    target_link_libraries(${name} PUBLIC ropewalk_compiler ${PCH_LIBRARIES})
    target_compile_options(${name} PRIVATE -fpch-preprocess)
    target_precompile_headers(${name} PRIVATE ${PCH_HEADERS})
  endif()
  target_compile_options(${target} PRIVATE -fpch-preprocess)
  target_precompile_headers(${target} REUSE_FROM ${name})
endfunction()

# Not <torch/torch.h>: what a precompiled header leaves to be instantiated is instantiated again in
# every file that uses it, which would double the time that a file takes.
function(ropewalk_torch_pch target)
  ropewalk_shared_pch(${target} ropewalk_torch_pch
    HEADERS <ATen/ATen.h> <torch/csrc/autograd/custom_function.h> <torch/nn/module.h> <torch/types.h>
      <nlohmann/json.hpp>
    LIBRARIES nlohmann_json::nlohmann_json LibTorch::cpu)
endfunction()

function(ropewalk_json_pch target)
  ropewalk_shared_pch(${target} ropewalk_json_pch
    HEADERS <filesystem> <functional> <nlohmann/json.hpp> <optional> <string> <vector>
    LIBRARIES nlohmann_json::nlohmann_json)
endfunction()

function(ropewalk_test_pch target)
  ropewalk_shared_pch(${target} ropewalk_test_pch
    HEADERS <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>
    LIBRARIES nlohmann_json::nlohmann_json GTest::gmock)
endfunction()

function(ropewalk_cli_sources target)
  ropewalk_shared_pch(${target} ropewalk_cli_pch
    HEADERS <CLI/CLI.hpp> <nlohmann/json.hpp>
    LIBRARIES nlohmann_json::nlohmann_json CLI11::CLI11)
  ropewalk_unity(${target})
endfunction()
