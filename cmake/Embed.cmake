# careen_embed(OUT_VAR SYMBOL FILE…): writes a .cc that holds the files as text, in the order given:
#   namespace careen { extern const EmbeddedFile SYMBOL[]; extern const size_t SYMBOL_count; }   (base/embedded.h)
function(careen_embed out symbol)
  set(files "")
  foreach(f IN LISTS ARGN)
    list(APPEND files ${CMAKE_CURRENT_SOURCE_DIR}/${f})
  endforeach()
  set(cc ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cc)
  add_custom_command(OUTPUT ${cc}
    COMMAND ${CMAKE_COMMAND} -DOUT=${cc} -DSYMBOL=${symbol} "-DFILES=${files}"
            -P ${PROJECT_SOURCE_DIR}/cmake/EmbedScript.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/EmbedScript.cmake VERBATIM)
  set(${out} ${cc} PARENT_SCOPE)
endfunction()
