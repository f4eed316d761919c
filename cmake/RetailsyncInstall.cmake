# retailsync::retailsync: every layer at once.
get_property(layers GLOBAL PROPERTY RETAILSYNC_LAYERS)
add_library(retailsync_all INTERFACE)
add_library(retailsync::retailsync ALIAS retailsync_all)
set_target_properties(retailsync_all PROPERTIES EXPORT_NAME retailsync)
list(TRANSFORM layers PREPEND retailsync:: OUTPUT_VARIABLE layer_targets)
target_link_libraries(retailsync_all INTERFACE ${layer_targets})
