# mw_embed_files(TARGET)
# Makes fleets/*.yaml, policies/*.yaml, workloads/*.yaml, scenarios/*.yaml and faults/*.yaml string constants of
# TARGET (src/codec/embedded_files.h), written anew whenever one of them changes.
function(mw_embed_files target)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fleets/*.yaml ${CMAKE_SOURCE_DIR}/policies/*.yaml
       ${CMAKE_SOURCE_DIR}/workloads/*.yaml ${CMAKE_SOURCE_DIR}/scenarios/*.yaml
       ${CMAKE_SOURCE_DIR}/faults/*.yaml)
  set(output ${CMAKE_BINARY_DIR}/generated/embedded_files.cpp)
  set(script ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DFILES=${files}" -P ${script}
    DEPENDS ${files} ${script} COMMENT "Embedding fleets/, policies/, workloads/ and scenarios/" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

# mw_embed_web(TARGET)
# Makes web/report/* and Debian's Chart.js string constants of TARGET (src/twin/embedded_web.h).
function(mw_embed_web target)
  find_file(MW_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js NO_DEFAULT_PATH REQUIRED
            DOC "Chart.js 3, minified: package libjs-chart.js")
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/report/*.html
       ${CMAKE_SOURCE_DIR}/web/report/*.css ${CMAKE_SOURCE_DIR}/web/report/*.js)
  list(APPEND files ${MW_CHART_JS})
  set(output ${CMAKE_BINARY_DIR}/generated/embedded_web.cpp)
  set(script ${CMAKE_SOURCE_DIR}/cmake/embed_web.cmake)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DFILES=${files}" -P ${script}
    DEPENDS ${files} ${script} COMMENT "Embedding web/report/" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
