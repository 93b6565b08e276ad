// Looks at a source before the first byte, and tells everything that is or may go wrong, with what mends it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ingest/options.h"
#include "ingest/source_facts.h"

namespace binbus::ingest {

enum class Severity : uint8_t {
  kError,    // ingest cannot work so
  kWarning,  // it works, and may lose or lack something
  kAdvice    // it works; this would be better
};
std::string_view severity_name(Severity severity);

struct Finding {
  Severity severity;
  std::string what;
  std::string mend;  // SQL statements for the source where it can be mended so, else words
};

struct SourceReport {
  std::string address;
  bool connected = false;  // else the findings say why, and the rest is not known
  SourceFacts facts;
  std::string tls;  // "TLSv1.3"; "" without
  std::vector<Finding> findings;
  bool usable() const;  // no error among the findings
};

// Looks at the source alone, as for a log that holds nothing yet. Over one connection that ends before this returns; changes
// nothing, and needs no privilege beyond those that it asks for. Blocks for some round trips, each at most the options' timeout.
SourceReport check_source(const IngestOptions& options, const std::string& address);

}  // namespace binbus::ingest
