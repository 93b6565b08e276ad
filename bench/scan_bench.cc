// Framing, checksums and transaction tracking of binlog files beside a bare CRC32 pass over the same bytes.
//
//   scan_bench FILE...      prints CPU seconds of both, medians of several alternating rounds, and their ratio
#include <libdeflate.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "binlog/scanner.h"
#include "io/file.h"

namespace binbus {
namespace {

constexpr int kRounds = 7;
constexpr size_t kPieceBytes = 1 << 20;

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Result<ByteVector> read_file(const std::string& path) {
  BINBUS_TRY(file, io::posix_file_system().open(path, io::OpenMode::kRead));
  BINBUS_TRY(size, file->size());
  ByteVector bytes(size);
  BINBUS_TRY(got, file->read_at(0, bytes));
  if (got != size) return fail(Code::kTruncated, path);
  return bytes;
}

Result<uint64_t> scan(Bytes file) {
  uint64_t ends = 0;
  binlog::EventScanner scanner({});
  for (size_t at = 0; at < file.size(); at += kPieceBytes) {
    const Bytes piece = file.subspan(at, std::min(kPieceBytes, file.size() - at));
    BINBUS_RETURN_IF_ERROR(scanner.feed(piece, [&](const binlog::TransactionEnd&) { ++ends; }));
  }
  return ends;
}

uint32_t bare_crc(Bytes file) {
  uint32_t crc = 0;
  for (size_t at = 0; at < file.size(); at += kPieceBytes) {
    crc = libdeflate_crc32(crc, file.data() + at, std::min(kPieceBytes, file.size() - at));
  }
  return crc;
}

Status run(int argc, char** argv) {
  std::vector<ByteVector> files;
  size_t bytes = 0;
  for (int i = 1; i < argc; ++i) {
    BINBUS_TRY(file, read_file(argv[i]));
    bytes += file.size();
    files.push_back(std::move(file));
  }
  if (files.empty()) return fail(Code::kInvalid, "usage: scan_bench FILE...");

  std::vector<double> crc_s, scan_s;
  uint64_t ends = 0;
  uint32_t sum = 0;
  for (int round = 0; round < kRounds; ++round) {
    double start = cpu_seconds();
    for (const ByteVector& file : files) sum ^= bare_crc(file);
    crc_s.push_back(cpu_seconds() - start);
    start = cpu_seconds();
    ends = 0;
    for (const ByteVector& file : files) {
      BINBUS_TRY(found, scan(file));
      ends += found;
    }
    scan_s.push_back(cpu_seconds() - start);
  }
  std::printf(
      "{\"bytes\": %zu, \"ends\": %llu, \"crc_s\": %.4f, \"scan_s\": %.4f, \"ratio\": %.3f, "
      "\"sum\": %u}\n",
      bytes, static_cast<unsigned long long>(ends), median(crc_s), median(scan_s),
      median(scan_s) / median(crc_s), sum);
  return ok();
}

}  // namespace
}  // namespace binbus

int main(int argc, char** argv) {
  if (const auto status = binbus::run(argc, argv); !status) {
    std::fprintf(stderr, "scan_bench: %s\n", status.error().message.c_str());
    return 1;
  }
}
