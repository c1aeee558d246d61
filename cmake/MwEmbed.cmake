# mw_embed_files(TARGET)
# Makes fleets/*.yaml, policies/*.yaml and workloads/*.yaml string constants of TARGET
# (src/codec/embedded_files.h), written anew whenever one of them changes.
function(mw_embed_files target)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fleets/*.yaml ${CMAKE_SOURCE_DIR}/policies/*.yaml
       ${CMAKE_SOURCE_DIR}/workloads/*.yaml)
  set(output ${CMAKE_BINARY_DIR}/generated/embedded_files.cpp)
  set(script ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DFILES=${files}" -P ${script}
    DEPENDS ${files} ${script} COMMENT "Embedding fleets/, policies/ and workloads/" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
