// What an etcd and a ZooKeeper have in common, as far as binbus needs it: names with values, changed by transactions that hold
// only under conditions, and a session whose names go with it when it ends or is not kept alive.
//
// Names are relative to the group and of one folder: "owners/shop". docs/coordination.md lists them all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace binbus::coordinate {

struct Entry {
  std::string name;  // within its folder
  std::string value;
  int64_t version = 0;  // another one after each change
};

// One step of a transaction: a condition, or a change that holds under one.
struct Step {
  enum class Kind : uint8_t {
    kMine,    // it is there with `version`, and goes with this session
    kIs,      // it is there with `version`
    kCreate,  // it is not there; it is then
    kSet,     // it is there with `version`, and changes
    kRemove,  // it is there with `version`, and goes
  };
  Kind kind = Kind::kIs;
  std::string name;
  std::string value = {};
  int64_t version = 0;
  bool bound = false;  // kCreate, kSet: the name goes with this session
};

// Of each step's name, after a transaction.
using Versions = std::vector<int64_t>;

// Owner:  what it has taken of the server; the destructor ends it there, when the server can be reached in short time.
// Thread: any.
// Errors: kNetwork, kTimeout: whether a transaction was done is not known; the session may live on. kNotFound of keep_alive():
//         it is over for good. kAuth, kTls, kRemote.
class Session {
 public:
  virtual ~Session() = default;
  // Returns when the server has answered, of several a majority: it keeps the session for ttl_ms() from when this was called.
  virtual Status keep_alive() = 0;
  // As agreed with the server.
  virtual uint64_t ttl_ms() const = 0;
  // The names in a folder, sorted; of a watched one, later changes are told of.
  virtual Result<std::vector<Entry>> list(const std::string& folder) = 0;
  virtual Result<std::optional<Entry>> get(const std::string& name) = 0;
  // All steps, or none of them when a condition does not hold, and then there are no versions.
  virtual Result<std::optional<Versions>> transact(const std::vector<Step>& steps) = 0;
};

struct SessionOptions {
  std::vector<std::string> endpoints;  // HOST:PORT
  std::string root;                    // "/binbus/GROUP", where names are below
  uint64_t ttl_ms = 10'000;
  std::string user;  // "": none
  std::string password;
  bool tls = false;
  std::string tls_ca, tls_cert, tls_key;  // files
  std::vector<std::string> watched;       // folders
  std::function<void()> on_change;        // something in these may have changed; any thread
  std::stop_token stop = {};              // ends the attempt to connect
};

// One attempt at each endpoint, until one has made a session. The message names them all.
using Connect = std::function<Result<std::unique_ptr<Session>>(const SessionOptions& options)>;

}  // namespace binbus::coordinate
