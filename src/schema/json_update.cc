#include "schema/json_update.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "schema/json.h"
#include "schema/json_binary.h"
#include "schema/json_path.h"

namespace binbus::schema {
namespace {

tl::unexpected<Error> corrupt(const std::string& what) {
  return fail(Code::kCorrupt, "JSON update: " + what);
}

enum class Operation : uint8_t { kReplace = 0, kInsert = 1, kRemove = 2 };

struct Change {
  Operation operation = Operation::kReplace;
  std::string_view path = {};
  Bytes document = {};  // the new value, unless kRemove
};

Result<Change> read_change(ByteReader& in) {
  BINBUS_TRY(operation, in.u8("operation of a JSON update"));
  if (operation > static_cast<uint8_t>(Operation::kRemove)) return corrupt("an unknown operation");
  Change change{.operation = static_cast<Operation>(operation)};
  BINBUS_TRY(path, in.lenenc_bytes("path of a JSON update"));
  change.path = as_text(path);
  if (change.operation != Operation::kRemove) {
    BINBUS_TRY(value, in.lenenc_bytes("value of a JSON update"));
    change.document = value;
  }
  return change;
}

// A value of the document: as it lies there, or, on the way to what changes, opened into its elements.
struct Node {
  struct Element;
  JsonView view;
  std::unique_ptr<std::vector<Element>> elements;  // set: opened
};
struct Node::Element {
  Bytes key;  // of objects
  Node node;
};

Status open_node(Node& node) {
  if (node.elements) return ok();
  BINBUS_TRY(container, JsonContainer::open(node.view));
  auto elements = std::make_unique<std::vector<Node::Element>>(container.count());
  for (uint32_t i = 0; i < container.count(); ++i) {
    if (node.view.is_object()) {
      BINBUS_TRY(key, container.key(i));
      (*elements)[i].key = key;
    }
    BINBUS_TRY(value, container.value(i));
    (*elements)[i].node.view = value;
  }
  node.elements = std::move(elements);
  return ok();
}

// The server's order of keys: shorter first, then by bytes.
bool key_before(Bytes left, Bytes right) {
  if (left.size() != right.size()) return left.size() < right.size();
  return as_text(left) < as_text(right);
}

// Where the leg leads among the node's elements: an index, which is their number where an array would grow; none when
// the node has no such place. `found` says whether an element is there.
struct Place {
  size_t index = 0;
  bool found = false;
};

Result<std::optional<Place>> find_place(Node& node, const JsonPathLeg& leg) {
  if (leg.member ? !node.view.is_object() : !node.view.is_array()) return std::optional<Place>{};
  BINBUS_RETURN_IF_ERROR(open_node(node));
  const auto& elements = *node.elements;
  if (!leg.member) {
    const size_t count = elements.size();
    const bool found = leg.index < count;
    if (leg.from_last)
      return std::optional<Place>{{.index = found ? count - 1 - leg.index : 0, .found = found}};
    return std::optional<Place>{{.index = found ? leg.index : count, .found = found}};
  }
  const Bytes key = as_bytes(leg.name);
  const auto at = std::ranges::lower_bound(elements, key, key_before, &Node::Element::key);
  return std::optional<Place>{{.index = static_cast<size_t>(at - elements.begin()),
                               .found = at != elements.end() && as_text(at->key) == leg.name}};
}

class Update {
 public:
  explicit Update(JsonView root) : root_{.view = root, .elements = nullptr} {}

  Status apply(const Change& change) {
    BINBUS_TRY(path, parse_json_path(change.path));
    BINBUS_TRY(value, json_root(change.document));
    if (path.empty()) return change_root(change, value);
    Node* node = &root_;
    for (size_t i = 0; i + 1 < path.size(); ++i) {
      BINBUS_TRY(place, find_place(*node, path[i]));
      if (place && place->found) {
        node = &(*node->elements)[place->index].node;
      } else if (!(path[i].is_first() &&
                   !node->view.is_array())) {  // "[0]" of what is no array is itself
        return missing(change);
      }
    }
    return change_at(change, *node, path.back(), value);
  }

  const Node& root() const { return root_; }

 private:
  static tl::unexpected<Error> missing(const Change& change) {
    return corrupt("the document has no place " + std::string(change.path.substr(0, 100)));
  }

  Status change_root(const Change& change, const JsonView& value) {
    if (change.operation != Operation::kReplace) return missing(change);
    root_ = {.view = value, .elements = nullptr};
    return ok();
  }

  Status change_at(const Change& change, Node& parent, const JsonPathLeg& leg,
                   const JsonView& value) {
    BINBUS_TRY(place, find_place(parent, leg));
    if (!place) {
      if (change.operation != Operation::kReplace || !leg.is_first() || parent.view.is_array())
        return missing(change);
      parent = {.view = value, .elements = nullptr};
      return ok();
    }
    auto& elements = *parent.elements;
    const auto at = elements.begin() + static_cast<ptrdiff_t>(place->index);
    if (change.operation == Operation::kInsert) {
      if (leg.member && place->found) return missing(change);
      const Bytes key = leg.member ? keep(leg.name) : Bytes{};
      elements.insert(at, Node::Element{.key = key, .node = {.view = value, .elements = nullptr}});
      return ok();
    }
    if (!place->found) return missing(change);
    if (change.operation == Operation::kRemove) {
      elements.erase(at);
    } else {
      at->node = {.view = value, .elements = nullptr};
    }
    return ok();
  }

  // Names of new members, which the paths' legs own only for a while.
  Bytes keep(const std::string& name) {
    names_.push_back(std::make_unique<std::string>(name));
    return as_bytes(*names_.back());
  }

  Node root_;
  std::vector<std::unique_ptr<std::string>> names_;
};

constexpr size_t kWidth =
    4;  // of offsets and sizes in what is written: the large format holds everything

void patch(ByteVector& out, size_t at, uint64_t value) { store_le<kWidth>(out.data() + at, value); }

// Appends the value without its type; returns the type.
uint8_t write_node(const Node& node, ByteVector& out) {
  if (!node.elements) {
    out.insert(out.end(), node.view.bytes.begin(), node.view.bytes.end());
    return node.view.type;
  }
  const auto& elements = *node.elements;
  const bool object = node.view.is_object();
  const size_t start = out.size();
  const size_t keys_at = start + 2 * kWidth;
  const size_t values_at = keys_at + (object ? elements.size() * (kWidth + 2) : 0);
  out.resize(values_at + elements.size() * (1 + kWidth));
  patch(out, start, elements.size());
  for (size_t i = 0; object && i < elements.size(); ++i) {
    const Bytes key = elements[i].key;
    patch(out, keys_at + i * (kWidth + 2), out.size() - start);
    store_le<2>(out.data() + keys_at + i * (kWidth + 2) + kWidth, key.size());
    out.insert(out.end(), key.begin(), key.end());
  }
  for (size_t i = 0; i < elements.size(); ++i) {
    const size_t entry = values_at + i * (1 + kWidth);
    const Node& child = elements[i].node;
    if (!child.view.is_container() && json_is_inline(child.view.type, kWidth)) {
      out[entry] = child.view.type;
      std::ranges::copy(child.view.bytes, out.begin() + static_cast<ptrdiff_t>(entry + 1));
      continue;
    }
    patch(out, entry + 1, out.size() - start);
    const uint8_t type = write_node(child, out);
    out[entry] = type;
  }
  patch(out, start + kWidth, out.size() - start);
  return object ? kJsonLargeObject : kJsonLargeArray;
}

}  // namespace

Status apply_json_update(Bytes document, Bytes update, ByteVector& updated) {
  BINBUS_TRY(root, json_root(document));
  Update changed(root);
  for (ByteReader in(update); in.remaining() > 0;) {
    BINBUS_TRY(change, read_change(in));
    BINBUS_RETURN_IF_ERROR(changed.apply(change));
  }
  updated.assign(1, 0);
  const uint8_t type = write_node(changed.root(), updated);
  updated[0] = type;
  if (updated.size() > UINT32_MAX) return fail(Code::kLimit, "JSON document of more than 4 GiB");
  return ok();
}

Status append_json_update(std::string& out, Bytes update) {
  static constexpr std::string_view kOperations[] = {"replace", "insert", "remove"};
  std::string text = "[";
  for (ByteReader in(update); in.remaining() > 0;) {
    BINBUS_TRY(change, read_change(in));
    if (text.size() > 1) text += ", ";
    text += "{\"op\": \"";
    text += kOperations[static_cast<size_t>(change.operation)];
    text += "\", \"path\": ";
    append_json_string(text, as_bytes(change.path));
    if (change.operation != Operation::kRemove) {
      text += ", \"value\": ";
      BINBUS_RETURN_IF_ERROR(append_json(text, change.document));
    }
    text += '}';
  }
  out += text + ']';
  return ok();
}

}  // namespace binbus::schema
