// The pace of librdkafka itself: messages that are there already, a line each, into one topic, with the settings of a
// kafka sink; in seconds of CPU and of the clock.
//
//   kafka_bench BROKERS TOPIC FILE
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "sink/kafka/configuration.h"

namespace binbus::sink::kafka {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

Status run(const std::string& brokers, const std::string& topic, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  KafkaOptions options;
  options.brokers = {brokers};
  BINBUS_TRY(configuration, producer_configuration(options, false));
  BINBUS_TRY(producer, make_producer(std::move(configuration)));

  const auto begun = steady_clock::now();
  const std::clock_t cpu = std::clock();
  uint64_t messages = 0;
  for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    for (;;) {
      const auto error = rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                                           RD_KAFKA_V_KEY(topic.data(), topic.size()),
                                           RD_KAFKA_V_VALUE(&text[at], end - at), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return fail(Code::kRemote, rd_kafka_err2str(error));
      rd_kafka_poll(producer.get(), 100);
    }
    ++messages;
  }
  constexpr int kFlushMs = 60'000;
  if (const auto error = rd_kafka_flush(producer.get(), kFlushMs);
      error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(Code::kRemote, rd_kafka_err2str(error));
  }
  std::printf("{\"messages\": %llu, \"bytes\": %zu, \"cpu_s\": %.3f, \"wall_s\": %.3f}\n",
              static_cast<unsigned long long>(messages), text.size(),
              static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC,
              duration<double>(steady_clock::now() - begun).count());
  return ok();
}

}  // namespace
}  // namespace binbus::sink::kafka

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: kafka_bench BROKERS TOPIC FILE\n"), 2;
  const binbus::Status done = binbus::sink::kafka::run(argv[1], argv[2], argv[3]);
  if (!done) return std::fprintf(stderr, "%s\n", done.error().message.c_str()), 1;
  return 0;
}
