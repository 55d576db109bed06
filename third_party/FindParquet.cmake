# Parquet: Apache Arrow's libparquet and libarrow with their C++ headers, out of the PyPI wheel
# `pyarrow` (licence Apache-2.0), as scripts/setup.sh --parquet installs it.
#
# Input:   ROPEWALK_PYARROW   the folder that holds include/ and the libraries (found by itself)
# Targets: Parquet::parquet
# Nothing found is cached: a change of the pins moves the folder.
include(${CMAKE_CURRENT_LIST_DIR}/DependencyFolder.cmake)

if(NOT ROPEWALK_PYARROW)
  ropewalk_dependency_folder(folder parquet)
  set(ROPEWALK_PYARROW ${folder}/pyarrow)
endif()

# The wheel's libraries carry their version in the name only.
file(GLOB Parquet_LIBRARY ${ROPEWALK_PYARROW}/libparquet.so.*)
file(GLOB Parquet_ARROW_LIBRARY ${ROPEWALK_PYARROW}/libarrow.so.*)
find_path(Parquet_INCLUDE_DIR parquet/file_reader.h
  PATHS ${ROPEWALK_PYARROW}/include NO_DEFAULT_PATH NO_CACHE)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Parquet
  REQUIRED_VARS Parquet_LIBRARY Parquet_ARROW_LIBRARY Parquet_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run scripts/setup.sh --parquet, or set ROPEWALK_PYARROW")

if(Parquet_FOUND AND NOT TARGET Parquet::parquet)
  list(GET Parquet_LIBRARY 0 Parquet_LIBRARY)
  list(GET Parquet_ARROW_LIBRARY 0 Parquet_ARROW_LIBRARY)
  add_library(Parquet::arrow UNKNOWN IMPORTED)
  set_target_properties(Parquet::arrow PROPERTIES IMPORTED_LOCATION ${Parquet_ARROW_LIBRARY})
  add_library(Parquet::parquet UNKNOWN IMPORTED)
  set_target_properties(Parquet::parquet PROPERTIES
    IMPORTED_LOCATION ${Parquet_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${Parquet_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES Parquet::arrow)
endif()
