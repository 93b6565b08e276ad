// What can be wrong.
//
// One rule for the whole library: what the program itself does wrong (an option that is none, a column that is not there, a
// conversion that cannot be) throws Error at that call. What happens at nodes and in the network never throws: the library goes
// on by itself where it can, and where it cannot, Feed::next() ends and Feed::error() tells.
#pragma once

#include <stdexcept>
#include <string>

namespace binbus {

enum class ErrorCode {
  kInvalid,          // an option, pattern, condition or name that is none
  kConversion,       // a value that is not of this type, a column or row that is not there
  kUnauthenticated,  // the token is missing or wrong
  kNotFound,         // no such stream
  kPurged,           // what is to be read was removed by retention; the message names it
  kRefused,          // a snapshot of tables that are not kept, changes that cannot be decoded
  kProtocol,         // the node says what this version of the library does not understand
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace binbus
