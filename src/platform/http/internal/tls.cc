#include "platform/http/internal/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <cstring>

namespace fairlead::http {
namespace ssl = boost::asio::ssl;
namespace {

constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, kProtocols, sizeof kProtocols, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::unexpected<Error> bad_file(std::string_view what, const std::string& path,
                                const boost::system::error_code& error) {
  return fail(ErrorKind::kInvalid, "tls_files",
              std::string("Cannot use the ") + std::string(what) + " `" + path + "`: " + error.message() + ".");
}

}  // namespace

TlsContext::TlsContext() : context_(std::make_unique<ssl::context>(ssl::context::tls)) {
  SSL_CTX* const native = context_->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
}

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::server(const std::string& certificate_chain,
                                                       const std::string& private_key) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  boost::system::error_code error;
  made->context_->use_certificate_chain_file(certificate_chain, error);
  if (error) return bad_file("certificate chain", certificate_chain, error);
  made->context_->use_private_key_file(private_key, ssl::context::pem, error);
  if (error) return bad_file("private key", private_key, error);
  if (SSL_CTX_check_private_key(made->context_->native_handle()) != 1)
    return fail(
        ErrorKind::kInvalid, "tls_files",
        "The private key `" + private_key + "` does not belong to the certificate `" + certificate_chain + "`.");
  SSL_CTX_set_alpn_select_cb(made->context_->native_handle(), choose_protocol, nullptr);
  return made;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const std::string& ca_file) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  boost::system::error_code error;
  if (ca_file.empty()) {
    made->context_->set_default_verify_paths(error);
  } else {
    made->context_->load_verify_file(ca_file, error);
  }
  if (error) return bad_file("certificate authorities in", ca_file, error);
  made->context_->set_verify_mode(ssl::verify_peer, error);
  SSL_CTX_set_alpn_protos(made->context_->native_handle(), kProtocols, sizeof kProtocols);
  return made;
}

}  // namespace fairlead::http
