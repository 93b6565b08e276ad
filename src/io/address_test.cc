#include "io/address.h"

#include <gtest/gtest.h>

namespace binbus::io {
namespace {

struct AddressCase {
  const char* name;
  const char* text;
  const char* host;  // null: refused
  const char* port;
};
const AddressCase kAddressCases[] = {
    {"name", "db1:3306", "db1", "3306"},
    {"v4", "127.0.0.1:1", "127.0.0.1", "1"},
    {"v6", "[::1]:3306", "::1", "3306"},
    {"any", ":3307", "", "3307"},
    {"free_port", "h:0", "h", "0"},
    {"no_port", "db1", nullptr, nullptr},
    {"empty_port", "db1:", nullptr, nullptr},
    {"bare_v6", "::1:3306", nullptr, nullptr},
    {"port_word", "db1:http", nullptr, nullptr},
    {"port_large", "db1:65536", nullptr, nullptr},
};

class AddressTest : public testing::TestWithParam<AddressCase> {};
TEST_P(AddressTest, IsReadOrRefused) {
  const auto parsed = HostPort::parse(GetParam().text);
  ASSERT_EQ(parsed.has_value(), GetParam().host != nullptr);
  if (!parsed) {
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    return;
  }
  EXPECT_EQ(parsed->host, GetParam().host);
  EXPECT_EQ(parsed->port, GetParam().port);
}
INSTANTIATE_TEST_SUITE_P(Addresses, AddressTest, testing::ValuesIn(kAddressCases),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace binbus::io
