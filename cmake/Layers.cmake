# The layering of src/, enforced: a folder may use only folders that stand earlier in this list.
# ARCHITECTURE.md explains each; tools/layers.py checks the #include lines against the same declarations.
set(CAREEN_LAYERS base digest net archive oci source formats facts knowledge feeds worker detect policy store scan fleet report cli)

# careen_library(NAME SOURCES a.cc… HEADERS a.h… DEPS base… LINK ext…)
#   One static library per folder. DEPS are folders of src/ (checked), LINK are external targets, kept private unless
#   PUBLIC_LINK names them.
function(careen_library name)
  cmake_parse_arguments(A "" "" "SOURCES;HEADERS;DEPS;LINK;PUBLIC_LINK" ${ARGN})
  list(FIND CAREEN_LAYERS ${name} mine)
  if(mine LESS 0)
    message(FATAL_ERROR "layering: ${name} is not in CAREEN_LAYERS (cmake/Layers.cmake)")
  endif()
  add_library(careen_${name} STATIC ${A_SOURCES})
  target_sources(careen_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${A_HEADERS})
  target_link_libraries(careen_${name} PUBLIC careen_flags ${A_PUBLIC_LINK} PRIVATE ${A_LINK})
  # One set of precompiled headers serves all; but policy is built with -pthread for re2's sake, which makes another set of macros.
  if(CAREEN_PCH AND NOT name MATCHES "^(base|digest|policy)$")
    target_precompile_headers(careen_${name} REUSE_FROM careen_digest)
  elseif(CAREEN_PCH AND NOT name STREQUAL "base")
    target_precompile_headers(careen_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/pch.h)
  endif()
  foreach(dep IN LISTS A_DEPS)
    list(FIND CAREEN_LAYERS ${dep} theirs)
    if(theirs LESS 0 OR NOT theirs LESS mine)
      message(FATAL_ERROR "layering: ${name} may not depend on ${dep}; only on folders before it in CAREEN_LAYERS")
    endif()
    target_link_libraries(careen_${name} PUBLIC careen_${dep})
  endforeach()
endfunction()
