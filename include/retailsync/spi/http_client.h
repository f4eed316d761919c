// The interface that connectors speak HTTP through, so that they can be tested without a network.
#ifndef RETAILSYNC_SPI_HTTP_CLIENT_H_
#define RETAILSYNC_SPI_HTTP_CLIENT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace retailsync {

struct HttpHeader {
  std::string name;  // compared without regard to case
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https, absolute
  std::vector<HttpHeader> headers;
  std::string body;
  absl::Duration timeout = absl::Seconds(30);
  // An answer longer than this, after decompression, is an error.
  uint64_t response_bytes_max = 64u << 20;
};

struct HttpResponse {
  int status = 0;  // 100 to 599
  std::vector<HttpHeader> headers;
  std::string body;
};

// How far a request got that has no response.
enum class HttpProgress : uint8_t {
  kNotSent = 0,       // no byte of it left: certainly without effect
  kPossiblySent = 1,  // it may have had its effect
};

struct HttpResult {
  absl::Status status;  // OK: `response` is there, whatever its HTTP status
  HttpProgress progress = HttpProgress::kPossiblySent;
  HttpResponse response;
};

// Sends requests.
//
// Implementing: no redirects followed, no cookies kept, no proxy or credentials taken from the
// environment, certificates verified. What could not be shown to be unsent is kPossiblySent. Thread
// safety: safe from any thread.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual HttpResult Send(const HttpRequest& request) = 0;
};

}  // namespace retailsync

#endif  // RETAILSYNC_SPI_HTTP_CLIENT_H_
