# Embeds what reports are made of into canopy_report: template, style, Chart.js and the scripts.
find_file(CANOPY_CHART_JS chart.min.js
  PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist NO_DEFAULT_PATH
  DOC "The browser build of Chart.js 3 that reports are drawn with")
if(NOT CANOPY_CHART_JS)
  message(FATAL_ERROR "chart.min.js was not found, which reports are drawn with. Install Debian's "
    "libjs-chart.js (jobs/install.sh does), or name the file: -DCANOPY_CHART_JS=FILE")
endif()
set(html ${PROJECT_SOURCE_DIR}/src/report/html)
set(scripts shell.js live.js widgets.js chart_series.js charts.js drawings.js)
file(GLOB pages CONFIGURE_DEPENDS RELATIVE ${html} ${html}/pages/*.js)
list(TRANSFORM scripts PREPEND ${html}/)
list(TRANSFORM pages PREPEND ${html}/)
set(files ${html}/template.html ${html}/style.css ${CANOPY_CHART_JS} ${scripts} ${pages})
set(assets page=${html}/template.html style=${html}/style.css library=${CANOPY_CHART_JS})
foreach(script IN LISTS scripts pages)
  list(APPEND assets scripts=${script})
endforeach()
set(code ${PROJECT_BINARY_DIR}/report_assets.cpp)
add_custom_command(OUTPUT ${code} VERBATIM
  COMMAND ${CMAKE_COMMAND} -DOUT=${code} "-DASSETS=${assets}" -P ${html}/embed.cmake
  DEPENDS ${files} ${html}/embed.cmake COMMENT "Embedding the report's assets")
target_sources(canopy_report PRIVATE ${code})
target_include_directories(canopy_report PRIVATE ${html})
set_source_files_properties(${html}/page.cpp PROPERTIES COMPILE_DEFINITIONS
  CANOPY_VERSION="${PROJECT_VERSION}")
