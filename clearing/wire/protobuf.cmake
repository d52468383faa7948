# SPDX-License-Identifier: AGPL-3.0-or-later
# Generated code lives in the build directory alone.
find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_C protoc-c REQUIRED)
set(GRPC_PROTO /usr/share/grpc-proto CACHE PATH
  "Where the package grpc-proto keeps health and reflection")
file(GLOB CLEARING_PROTOS CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/proto
  ${CMAKE_SOURCE_DIR}/proto/clearing/v1/*.proto
  ${CMAKE_SOURCE_DIR}/proto/clearing/journal/v1/*.proto
  ${CMAKE_SOURCE_DIR}/proto/clearing/federation/v1/*.proto
  ${CMAKE_SOURCE_DIR}/proto/clearing/link/v1/*.proto)
set(GRPC_PROTOS grpc/health/v1/health.proto
  grpc/reflection/v1/reflection.proto
  grpc/reflection/v1alpha/reflection.proto)
set(protobuf_sources)
foreach(proto ${CLEARING_PROTOS} ${GRPC_PROTOS})
  string(REGEX REPLACE "\\.proto$" "" stem ${proto})
  if(EXISTS ${CMAKE_SOURCE_DIR}/proto/${proto})
    set(origin ${CMAKE_SOURCE_DIR}/proto/${proto})
  else()
    set(origin ${GRPC_PROTO}/${proto})
  endif()
  add_custom_command(
    OUTPUT ${CLEARING_GEN}/${stem}.pb-c.c ${CLEARING_GEN}/${stem}.pb-c.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CLEARING_GEN}
    COMMAND ${PROTOC_C} --c_out=${CLEARING_GEN}
      -I${CMAKE_SOURCE_DIR}/proto -I${GRPC_PROTO} ${origin}
    DEPENDS ${origin} VERBATIM)
  list(APPEND protobuf_sources ${CLEARING_GEN}/${stem}.pb-c.c)
endforeach()

# What reflection answers from: every service that is served, and all that
# their files import.  The journal's payload is no service.
file(GLOB SERVED_PROTOS CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/proto
  ${CMAKE_SOURCE_DIR}/proto/clearing/v1/*.proto)
list(TRANSFORM SERVED_PROTOS PREPEND ${CMAKE_SOURCE_DIR}/proto/
  OUTPUT_VARIABLE served_paths)
list(TRANSFORM GRPC_PROTOS PREPEND ${GRPC_PROTO}/ OUTPUT_VARIABLE grpc_paths)
add_custom_command(
  OUTPUT ${CLEARING_GEN}/descriptor_set.c
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CLEARING_GEN}
  COMMAND ${PROTOC} --include_imports
    --descriptor_set_out=${CLEARING_GEN}/descriptor_set.pb
    -I${CMAKE_SOURCE_DIR}/proto -I${GRPC_PROTO}
    ${served_paths} ${grpc_paths}
  COMMAND ${CMAKE_COMMAND} -DINPUT=${CLEARING_GEN}/descriptor_set.pb
    -DOUTPUT=${CLEARING_GEN}/descriptor_set.c -DNAME=descriptor_set
    -P ${CMAKE_SOURCE_DIR}/clearing/wire/embed.cmake
  DEPENDS ${served_paths} ${grpc_paths}
    ${CMAKE_SOURCE_DIR}/clearing/wire/embed.cmake VERBATIM)
list(APPEND protobuf_sources ${CLEARING_GEN}/descriptor_set.c)

add_library(clearing_protobuf STATIC ${protobuf_sources})
target_compile_options(clearing_protobuf PRIVATE -w)
target_include_directories(clearing_protobuf PUBLIC ${CLEARING_GEN})
target_link_libraries(clearing_protobuf PUBLIC PkgConfig::PROTOBUFC)
