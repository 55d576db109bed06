# LibTorch out of the PyPI wheel `torch` (licence BSD-3-Clause), as scripts/setup.sh installs it.
# torch's own package config is not used: it demands a CUDA toolkit and enables the CUDA language.
#
# Input:   ROPEWALK_LIBTORCH   the folder that holds include/ and lib/ (found by itself after set-up)
# Targets: LibTorch::openmp    libtorch's own libgomp, on which at::parallel_for runs; needs g++
#          LibTorch::cpu       libtorch_cpu + libc10 + LibTorch::openmp
#          LibTorch::cuda      libtorch_cuda + libc10_cuda and their headers (full installation only)
# Nothing found is cached: a change of the pins moves the folder.
include(${CMAKE_CURRENT_LIST_DIR}/DependencyFolder.cmake)

if(NOT ROPEWALK_LIBTORCH)
  foreach(kind full lean)
    ropewalk_dependency_folder(folder libtorch-${kind})
    if(EXISTS ${folder}/torch/lib/libtorch_cpu.so)
      set(ROPEWALK_LIBTORCH ${folder}/torch)
      break()
    endif()
  endforeach()
endif()

find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${ROPEWALK_LIBTORCH}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_C10_LIBRARY c10 PATHS ${ROPEWALK_LIBTORCH}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_OPENMP_LIBRARY NAMES libgomp.so.1
  PATHS ${ROPEWALK_LIBTORCH}/lib NO_DEFAULT_PATH NO_CACHE)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY
  LibTorch_OPENMP_LIBRARY REASON_FAILURE_MESSAGE "run scripts/setup.sh, or set ROPEWALK_LIBTORCH")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::c10 UNKNOWN IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_LIBRARY})
  add_library(LibTorch::openmp UNKNOWN IMPORTED)
  set_target_properties(LibTorch::openmp PROPERTIES IMPORTED_LOCATION ${LibTorch_OPENMP_LIBRARY})
  add_library(LibTorch::cpu UNKNOWN IMPORTED)
  # Without -fopenmp, at::parallel_for is a plain loop.
  # -idirafter: torch carries a newer fmt, which must not shadow Debian's.
  set_target_properties(LibTorch::cpu PROPERTIES
    IMPORTED_LOCATION ${LibTorch_CPU_LIBRARY}
    INTERFACE_COMPILE_OPTIONS "SHELL:-idirafter ${ROPEWALK_LIBTORCH}/include;SHELL:-idirafter ${ROPEWALK_LIBTORCH}/include/torch/csrc/api/include;-fopenmp"
    INTERFACE_COMPILE_DEFINITIONS "USE_C10D_GLOO;USE_DISTRIBUTED"
    INTERFACE_LINK_LIBRARIES "LibTorch::c10;LibTorch::openmp")
endif()

# The full installation lies beside the wheels of CUDA's libraries, which carry the headers.
if(LibTorch_FOUND AND NOT TARGET LibTorch::cuda)
  find_library(LibTorch_CUDA_LIBRARY torch_cuda PATHS ${ROPEWALK_LIBTORCH}/lib NO_DEFAULT_PATH NO_CACHE)
  find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS ${ROPEWALK_LIBTORCH}/lib NO_DEFAULT_PATH NO_CACHE)
  find_path(LibTorch_CUDA_INCLUDE_DIR cuda_runtime_api.h
    PATHS ${ROPEWALK_LIBTORCH}/../nvidia/cu13/include NO_DEFAULT_PATH NO_CACHE)
  find_path(LibTorch_NCCL_INCLUDE_DIR nccl.h
    PATHS ${ROPEWALK_LIBTORCH}/../nvidia/nccl/include NO_DEFAULT_PATH NO_CACHE)
  find_library(LibTorch_CUDART_LIBRARY NAMES libcudart.so.13
    PATHS ${ROPEWALK_LIBTORCH}/../nvidia/cu13/lib NO_DEFAULT_PATH NO_CACHE)
  if(LibTorch_CUDA_LIBRARY AND LibTorch_C10_CUDA_LIBRARY AND LibTorch_CUDA_INCLUDE_DIR
     AND LibTorch_NCCL_INCLUDE_DIR AND LibTorch_CUDART_LIBRARY)
    add_library(LibTorch::c10_cuda UNKNOWN IMPORTED)
    set_target_properties(LibTorch::c10_cuda PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_CUDA_LIBRARY})
    add_library(LibTorch::cudart UNKNOWN IMPORTED)
    set_target_properties(LibTorch::cudart PROPERTIES IMPORTED_LOCATION ${LibTorch_CUDART_LIBRARY})
    add_library(LibTorch::cuda UNKNOWN IMPORTED)
    set_target_properties(LibTorch::cuda PROPERTIES
      IMPORTED_LOCATION ${LibTorch_CUDA_LIBRARY}
      INTERFACE_COMPILE_OPTIONS "SHELL:-idirafter ${LibTorch_CUDA_INCLUDE_DIR};SHELL:-idirafter ${LibTorch_NCCL_INCLUDE_DIR}"
      INTERFACE_COMPILE_DEFINITIONS "USE_C10D_NCCL"
      INTERFACE_LINK_LIBRARIES "LibTorch::c10_cuda;LibTorch::cudart;LibTorch::cpu")
  endif()
endif()
