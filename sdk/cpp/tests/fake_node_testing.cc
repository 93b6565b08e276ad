#include "fake_node_testing.h"

#include <thread>

namespace binbus {

using feed::v1::SubscribeResponse;

feed::v1::Table orders_table() {
  feed::v1::Table table;
  table.set_id(1);
  table.set_database("shop");
  table.set_table("orders");
  auto& id = *table.add_columns();
  id.set_name("id");
  id.set_type("bigint");
  id.set_type_text("bigint");
  auto& name = *table.add_columns();
  name.set_name("name");
  name.set_type("varchar");
  name.set_type_text("varchar(20)");
  name.set_charset("utf8mb4");
  table.add_key(0);
  return table;
}

feed::v1::Row orders_row(int64_t id) {
  feed::v1::Row row;
  row.add_values(std::to_string(id));
  row.add_values("name " + std::to_string(id));
  return row;
}

std::string position_of(int transaction, uint32_t event) {
  return "binlog.000001:" + std::to_string(transaction * 100) + "/" + std::to_string(event) + ".0";
}

namespace {

feed::v1::Change& add(feed::v1::Batch& batch, feed::v1::Operation operation, int transaction) {
  auto& told = *batch.add_transactions();
  told.set_gtid("uuid:" + std::to_string(transaction));
  told.set_position("binlog.000001:" + std::to_string(transaction * 100));
  told.set_commit_time_us(1'700'000'000'000'000);
  auto& change = *batch.add_changes();
  change.set_operation(operation);
  change.set_transaction(static_cast<uint32_t>(batch.transactions_size() - 1));
  return change;
}

}  // namespace

void add_insert(feed::v1::Batch& batch, int transaction, uint32_t event, int64_t id) {
  if (batch.tables_size() == 0) *batch.add_tables() = orders_table();
  auto& change = add(batch, feed::v1::INSERT, transaction);
  change.set_table(1);
  *change.mutable_after() = orders_row(id);
  change.set_event(event);
  change.set_position(position_of(transaction, event));
}

void add_mark(feed::v1::Batch& batch, feed::v1::Operation operation, int transaction) {
  auto& change = add(batch, operation, transaction);
  const bool begin = operation == feed::v1::BEGIN;
  change.set_position(begin ? "binlog.000001:" + std::to_string(transaction * 100)
                            : "binlog.000001:" + std::to_string(transaction * 100 + 99));
}

void add_read(feed::v1::Batch& batch, int64_t id) {
  if (batch.tables_size() == 0) *batch.add_tables() = orders_table();
  auto& change = *batch.add_changes();
  change.set_operation(feed::v1::READ);
  change.set_table(1);
  *change.mutable_after() = orders_row(id);
  change.set_row_key(std::string(1, static_cast<char>(id)));
  change.set_position("binlog.000001:4//" + std::to_string(id) + "/shop.orders");
}

void FakeCall::subscribed(const std::string& position) {
  SubscribeResponse message;
  message.mutable_subscribed()->set_node("fake");
  message.mutable_subscribed()->set_position(position);
  write(message);
}
void FakeCall::waiting(const std::string& reason) {
  SubscribeResponse message;
  message.mutable_waiting()->set_reason(reason);
  write(message);
}
void FakeCall::batch(const feed::v1::Batch& batch) {
  SubscribeResponse message;
  *message.mutable_batch() = batch;
  write(message);
}
void FakeCall::snapshot_begin(bool anew) {
  SubscribeResponse message;
  message.mutable_snapshot_begin()->set_position("binlog.000001:4");
  message.mutable_snapshot_begin()->set_anew(anew);
  write(message);
}
void FakeCall::snapshot_end(const std::string& position) {
  SubscribeResponse message;
  message.mutable_snapshot_end()->set_position(position);
  write(message);
}
void FakeCall::heartbeat(const std::string& position) {
  SubscribeResponse message;
  message.mutable_heartbeat()->set_position(position);
  write(message);
}
void FakeCall::committed(const std::string& position) {
  SubscribeResponse message;
  message.mutable_committed()->set_position(position);
  write(message);
}
grpc::Status FakeCall::break_at_request() {
  feed::v1::SubscribeRequest request;
  read(request);
  return {grpc::StatusCode::UNAVAILABLE, "broken on purpose"};
}

std::string FakeCall::answer_commit() {
  feed::v1::SubscribeRequest request;
  read(request);
  committed(request.commit().position());
  return request.commit().position();
}

grpc::Status FakeCall::answer_commits() {
  feed::v1::SubscribeRequest request;
  while (read(request)) {
    if (request.has_commit()) committed(request.commit().position());
  }
  return grpc::Status::CANCELLED;
}
grpc::Status FakeCall::idle(const std::string& position) {
  while (!context_.IsCancelled()) {
    if (!position.empty()) heartbeat(position);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return grpc::Status::CANCELLED;
}

FakeNode::FakeNode(Script script, const std::string& listen) : script_(std::move(script)) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  address_ = "127.0.0.1:" + std::to_string(port);
}

void FakeNode::kill() {
  if (server_) server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

std::vector<feed::v1::Start> FakeNode::starts() const {
  const std::lock_guard lock(mutex_);
  return starts_;
}

std::string FakeNode::authorization() const {
  const std::lock_guard lock(mutex_);
  return authorization_;
}

grpc::Status FakeNode::Subscribe(grpc::ServerContext* context, FakeCall::Stream* stream) {
  feed::v1::SubscribeRequest request;
  if (!stream->Read(&request) || !request.has_start())
    return {grpc::StatusCode::INVALID_ARGUMENT, "the first message is Start"};
  int number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = static_cast<int>(starts_.size());
    starts_.push_back(request.start());
    const auto& metadata = context->client_metadata();
    const auto found = metadata.find("authorization");
    authorization_ =
        found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
  }
  FakeCall call(*context, *stream);
  return script_(number, request.start(), call);
}

grpc::Status FakeNode::Nodes(grpc::ServerContext*, const feed::v1::NodesRequest*,
                             feed::v1::NodesResponse* response) {
  response->add_nodes()->set_address(address_);
  for (const std::string& other : others_) response->add_nodes()->set_address(other);
  return grpc::Status::OK;
}

}  // namespace binbus
