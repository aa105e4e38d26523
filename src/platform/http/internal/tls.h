// TLS settings of one side.
#pragma once
#include <memory>
#include <string>

#include "base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace fairlead::http {

// Shared by all connections of a server or a client; thread-safe once made. TLS 1.2 and later, ALPN "http/1.1".
class TlsContext {
 public:
  // PEM files. Error: tls_files.
  static Result<std::shared_ptr<TlsContext>> server(const std::string& certificate_chain,
                                                    const std::string& private_key);
  // `ca_file` empty: the system's. Error: tls_files.
  static Result<std::shared_ptr<TlsContext>> client(const std::string& ca_file);
  ~TlsContext();

  boost::asio::ssl::context& native() const { return *context_; }

 private:
  TlsContext();
  std::unique_ptr<boost::asio::ssl::context> context_;
};

}  // namespace fairlead::http
