#include "schema/utf8.h"

#include <gtest/gtest.h>

namespace binbus::schema {
namespace {

TEST(Utf8, OneByteAnywhereIsNoAscii) {
  for (size_t size = 0; size <= 50; ++size) {
    ByteVector text(size, 0x7f);
    EXPECT_TRUE(is_ascii(text)) << size;
    for (size_t at = 0; at < size; ++at) {
      text[at] = 0x80;
      EXPECT_FALSE(is_ascii(text)) << at << " of " << size;
      text[at] = 0x7f;
    }
  }
}

}  // namespace
}  // namespace binbus::schema
