// Lets a script ask what binbus makes of the servers' charsets: per line of input a question, per line of output its answer.
//
//   text CHARSET HEX            the text as UTF-8 in hexadecimal digits, "!" before it when something was no character
//   charset FLAVOR VERSION NAME  its name, the bytes of its largest character and the default collation
//   collation FLAVOR NUMBER     its name and its charset
//
// Words are separated by a space. "-" is the answer when there is no such thing.
#include <charconv>
#include <iostream>
#include <sstream>

#include "schema/charset.h"
#include "schema/collations.h"

namespace binbus::schema {
namespace {

ByteVector from_hex(const std::string& digits) {
  ByteVector bytes(digits.size() / 2);
  for (size_t n = 0; n < bytes.size(); ++n)
    std::from_chars(&digits[2 * n], &digits[2 * n] + 2, bytes[n], 16);
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string digits;
  for (const char byte : bytes) {
    digits += "0123456789ABCDEF"[(byte >> 4) & 15];
    digits += "0123456789ABCDEF"[byte & 15];
  }
  return digits;
}

std::string text(std::istream& words) {
  std::string name, digits, utf8;
  words >> name >> digits;
  const Charset* charset = Charset::find(name);
  if (charset == nullptr) return "-";
  const bool clean = charset->append_utf8(utf8, from_hex(digits));
  return (clean ? "" : "!") + to_hex(utf8);
}

mysql::Flavor read_flavor(std::istream& words) {
  std::string name;
  words >> name;
  return name == "mariadb" ? mysql::Flavor::kMariadb : mysql::Flavor::kMysql;
}

std::string charset(std::istream& words) {
  const mysql::Flavor flavor = read_flavor(words);
  uint32_t version = 0;
  std::string name;
  words >> version >> name;
  const Charset* found = Charset::find(name);
  if (found == nullptr) return "-";
  return std::string(found->name()) + " " + std::to_string(found->bytes_per_character_max()) + " " +
         std::string(found->default_collation(flavor, version));
}

std::string collation(std::istream& words) {
  const mysql::Flavor flavor = read_flavor(words);
  uint32_t number = 0;
  words >> number;
  const std::string name(collation_name(number, flavor));
  const Charset* found = Charset::find_by_collation(number);
  return found == nullptr ? "-" : name + " " + std::string(found->name());
}

std::string answer(const std::string& line) {
  std::istringstream words(line);
  std::string question;
  words >> question;
  if (question == "text") return text(words);
  if (question == "charset") return charset(words);
  return question == "collation" ? collation(words) : "unknown question";
}

}  // namespace
}  // namespace binbus::schema

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);)
    std::cout << binbus::schema::answer(line) << '\n';
}
