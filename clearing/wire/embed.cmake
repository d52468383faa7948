# SPDX-License-Identifier: AGPL-3.0-or-later
# cmake -DINPUT=FILE -DOUTPUT=FILE.c -DNAME=NAME -P embed.cmake
# Writes FILE as the C array NAME and its length NAME_size.
file(READ ${INPUT} bytes HEX)
if(bytes STREQUAL "")
  message(FATAL_ERROR "${INPUT} is empty: protoc wrote no descriptors")
endif()
string(REGEX REPLACE "(................................)" "\\1\n" bytes
  "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include <stddef.h>\n#include <stdint.h>\n"
  "const uint8_t ${NAME}[] = {\n${bytes}\n};\n"
  "const size_t ${NAME}_size = sizeof(${NAME});\n")
