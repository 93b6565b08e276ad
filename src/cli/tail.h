// `binbus tail`: the changes of a running binbus's stream, as they come.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/command_line.h"

namespace binbus::cli {

// Prints to standard output; returns the exit status. `address` is the endpoint's.
// Rows that are kept.
int get_rows(const GetRows& command, const std::string& address);
int tail(const Tail& command, const std::string& address);

// Whole lines of what comes in pieces, coloured by what they tell of.
class TailPrinter {
 public:
  using Write = std::function<bool(std::string_view text)>;  // false: nobody reads any more
  TailPrinter(bool color, Write write) : color_(color), write_(std::move(write)) {}

  // False when nobody reads any more, or binbus has said why it ends.
  bool take(std::string_view piece);
  // What it said; "": nothing.
  const std::string& error() const { return error_; }

 private:
  void print(std::string& out, std::string_view line) const;

  const bool color_;
  const Write write_;
  std::string rest_;
  std::string error_;
};

}  // namespace binbus::cli
