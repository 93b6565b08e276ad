# binbus_cargo(NAME FOLDER)
#
# The static library of the Rust crate in FOLDER, whose package is called NAME, as the target NAME. cargo builds it in the
# build folder, always with optimization and without sanitizers, from the versions of Cargo.lock; where cargo has not seen
# them yet, it downloads them.
function(binbus_cargo name folder)
  find_program(CARGO cargo REQUIRED)
  set(crate ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  set(built ${CMAKE_CURRENT_BINARY_DIR}/${folder})
  set(library ${built}/release/lib${name}.a)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${crate}/src/*.rs)
  add_custom_command(
    OUTPUT ${library}
    COMMAND ${CARGO} build --quiet --locked --release --manifest-path ${crate}/Cargo.toml --target-dir ${built}
    COMMAND ${CMAKE_COMMAND} -E touch ${library} # cargo leaves it alone where nothing in it changes
    DEPENDS ${sources} ${crate}/Cargo.toml ${crate}/Cargo.lock
    COMMENT "Building the crate ${name}"
    VERBATIM)
  add_custom_target(${name}_cargo DEPENDS ${library})
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${library})
  target_link_libraries(${name} INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
  add_dependencies(${name} ${name}_cargo)
endfunction()
