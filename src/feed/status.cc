#include "feed/status.h"

#include <grpcpp/support/status.h>

namespace binbus::feed {
namespace {

grpc::StatusCode code_of(Code code) {
  switch (code) {
    case Code::kInvalid:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case Code::kAuth:
      return grpc::StatusCode::UNAUTHENTICATED;
    case Code::kPurged:
      return grpc::StatusCode::OUT_OF_RANGE;
    case Code::kLimit:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::kExists:
    case Code::kDiverged:
    case Code::kUnsupported:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Code::kCorrupt:
    case Code::kTruncated:
    case Code::kIo:
      return grpc::StatusCode::DATA_LOSS;
    case Code::kDiskFull:
    case Code::kNetwork:
    case Code::kTimeout:
    case Code::kTls:
    case Code::kStopped:
    case Code::kRemote:
    case Code::kUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
  }
  return grpc::StatusCode::UNKNOWN;
}

}  // namespace

grpc::Status to_grpc(const Error& error) { return {code_of(error.code), error.message}; }

}  // namespace binbus::feed
