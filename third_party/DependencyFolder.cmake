# ropewalk_dependency_folder(OUT NAME): where scripts/setup.sh puts the dependency pinned by
# third_party/pins/NAME.txt: $ROPEWALK_DEPS/NAME-<first 12 digits of the pin file's SHA-256>.
function(ropewalk_dependency_folder out name)
  if(DEFINED ENV{ROPEWALK_DEPS})
    set(root $ENV{ROPEWALK_DEPS})
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(root $ENV{XDG_CACHE_HOME}/ropewalk)
  else()
    set(root $ENV{HOME}/.cache/ropewalk)
  endif()
  file(SHA256 ${PROJECT_SOURCE_DIR}/third_party/pins/${name}.txt hash)
  string(SUBSTRING ${hash} 0 12 key)
  set(${out} ${root}/${name}-${key} PARENT_SCOPE)
endfunction()
