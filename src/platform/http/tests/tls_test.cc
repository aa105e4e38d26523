// TLS both ways, with certificates made here.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "platform/http/client.h"
#include "platform/http/tests/harness.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;

// A self-signed certificate for the names given ("DNS:localhost,IP:127.0.0.1"), as PEM files.
void make_certificate(const std::string& certificate_path, const std::string& key_path, const char* names,
                      long valid_seconds = 3600) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_seconds);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  for (const auto& [id, value] :
       {std::pair{NID_subject_alt_name, names}, std::pair{NID_basic_constraints, "CA:TRUE"}}) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key, EVP_sha256());
  std::FILE* file = std::fopen(certificate_path.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(key_path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

struct Secured {
  explicit Secured(const char* names = "DNS:localhost,IP:127.0.0.1", long valid_seconds = 3600) {
    make_certificate(files.certificate_chain, files.private_key, names, valid_seconds);
    ServerOptions options;
    options.tls = files;
    options.limits.head_timeout = 500ms;
    options.limits.idle_timeout = 3s;
    server = std::make_unique<TestServer>(options);
  }
  std::string url(const std::string& host) const { return "https://" + host + ":" + std::to_string(server->port()); }
  ScratchFolder folder;
  TlsFiles files{folder.path("certificate.pem"), folder.path("key.pem")};
  std::unique_ptr<TestServer> server;
};

async::Task<std::string> fetch(Client& client, const Origin& origin, ClientRequest request) {
  async::Cancellation cancellation;
  auto response = co_await client.send(origin, request, cancellation);
  if (!response) co_return response.error().code + ": " + response.error().message;
  auto body = co_await (*response)->read_all(100'000'000);
  if (!body) co_return body.error().code;
  co_return *body;
}

// What a client that trusts `ca_file` gets.
std::string get(const std::string& ca_file, const std::string& url, ClientRequest request, int times = 1) {
  async::Runtime runtime(1);
  async::BlockingPool pool(1);
  auto client = Client::create(runtime.loop(0), pool, {.connect_timeout = 2s, .ca_file = ca_file});
  if (!client) return client.error().code;
  runtime.start();
  const auto origin = Origin::parse(url);
  std::string got;
  for (int i = 0; i < times; ++i)
    got = boost::asio::co_spawn(runtime.loop(0).context(), fetch(**client, *origin, request), boost::asio::use_future)
              .get();
  runtime.stop();
  return got;
}

TEST(Tls, CarriesRequestsAndAnswersOfEverySize) {
  Secured secured;
  const std::string& trusted = secured.files.certificate_chain;
  EXPECT_EQ(get(trusted, secured.url("localhost"), {.target = "/hello"}, 3), "hello");
  EXPECT_EQ(get(trusted, secured.url("127.0.0.1"), {.target = "/stream"}), "data: one\n\ndata: two\n\ndata: three\n\n");
  EXPECT_EQ(get(trusted, secured.url("localhost"), {.target = "/big?bytes=3000000"}).size(), 3'000'000u);
  const std::string body(3'000'000, 'x');
  EXPECT_TRUE(get(trusted, secured.url("localhost"),
                  {.method = Method::kPost, .target = "/echo", .body = body, .content_type = "a/b"}) == body);
}

TEST(Tls, IsRefusedWhereTheCertificateDoesNotHold) {
  Secured secured, other("DNS:elsewhere"), expired("DNS:localhost", -60);
  EXPECT_EQ(get(other.files.certificate_chain, secured.url("localhost"), {.target = "/hello"}).substr(0, 12),
            "upstream_tls");
  EXPECT_EQ(get("", secured.url("localhost"), {.target = "/hello"}).substr(0, 12), "upstream_tls") << "self-signed";
  const std::string wrong_name = get(other.files.certificate_chain, other.url("localhost"), {.target = "/hello"});
  EXPECT_EQ(wrong_name.substr(0, 12), "upstream_tls");
  EXPECT_NE(wrong_name.find("ostname mismatch"), std::string::npos) << wrong_name;
  EXPECT_EQ(get(other.files.certificate_chain, other.url("127.0.0.1"), {.target = "/hello"}).substr(0, 12),
            "upstream_tls");
  const std::string too_late = get(expired.files.certificate_chain, expired.url("localhost"), {.target = "/hello"});
  EXPECT_NE(too_late.find("expired"), std::string::npos) << too_late;
  EXPECT_EQ(secured.server->seen().calls, 0);
}

TEST(Tls, FilesThatDoNotFitAreClearErrors) {
  Secured one, other;
  async::Runtime runtime(1);
  for (const TlsFiles& files :
       {TlsFiles{"/no/such/file", one.files.private_key}, TlsFiles{one.files.certificate_chain, "/no/such/file"},
        TlsFiles{one.files.certificate_chain, other.files.private_key},
        TlsFiles{one.files.private_key, one.files.private_key}}) {
    ServerOptions options;
    options.port = 0;
    options.tls = files;
    const auto server = Server::listen(runtime, options, Router());
    ASSERT_FALSE(server.has_value());
    EXPECT_EQ(server.error().code, "tls_files") << server.error().message;
  }
  EXPECT_EQ(get("/no/such/file", "https://localhost:1", {.target = "/"}), "tls_files");
}

TEST(Tls, AHandshakeThatNeverEndsIsLetGo) {
  Secured secured;
  RawClient silent(secured.server->port()), plain(secured.server->port());
  plain.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(plain.closes_within(3s));
  EXPECT_TRUE(silent.closes_within(3s));
}

// An OpenSSL client by hand: one that ends its side after its request, and others that leave.
struct ManualTls {
  explicit ManualTls(std::uint16_t port, int most_version = TLS1_3_VERSION, std::string_view protocol = "\x08http/1.1")
      : raw(port), context(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context, most_version);
    SSL_CTX_set_min_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocol.data()),
                            static_cast<unsigned>(protocol.size()));
    tls = SSL_new(context);
    SSL_set_fd(tls, raw.descriptor());
    connected = SSL_connect(tls) == 1;
  }
  ~ManualTls() {
    SSL_free(tls);
    SSL_CTX_free(context);
  }
  void send(std::string_view bytes) { SSL_write(tls, bytes.data(), static_cast<int>(bytes.size())); }
  std::string read() {
    std::string all;
    char bytes[4096];
    int got;
    while ((got = SSL_read(tls, bytes, sizeof bytes)) > 0) all.append(bytes, static_cast<std::size_t>(got));
    return all;
  }
  RawClient raw;
  SSL_CTX* context;
  SSL* tls = nullptr;
  bool connected = false;
};

TEST(Tls, SpeaksModernVersionsAndHttp1Only) {
  Secured secured;
  EXPECT_TRUE(ManualTls(secured.server->port(), TLS1_3_VERSION).connected);
  EXPECT_TRUE(ManualTls(secured.server->port(), TLS1_2_VERSION).connected);
  EXPECT_FALSE(ManualTls(secured.server->port(), TLS1_1_VERSION).connected);
  EXPECT_FALSE(ManualTls(secured.server->port(), TLS1_3_VERSION, "\x02h2").connected);
  const ManualTls chosen(secured.server->port(), TLS1_3_VERSION, std::string_view("\x02h2\x08http/1.1"));
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(chosen.tls, &protocol, &size);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(protocol), size), "http/1.1");
}

TEST(Tls, AnAnswerThatEndsWithTheConnectionEndsInOrder) {
  Secured secured;
  ManualTls client(secured.server->port());
  client.send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.read().ends_with("three\n\n"));
  EXPECT_EQ(SSL_get_shutdown(client.tls) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN) << "no close_notify";
}

TEST(Tls, AClientThatHalfClosesIsAnsweredAndOneThatLeavesIsCancelled) {
  Secured secured;
  {
    ManualTls client(secured.server->port());
    client.send("GET /wait?ms=3000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    SSL_shutdown(client.tls);
    const std::string answer = client.read();
    EXPECT_TRUE(answer.ends_with("waited")) << answer;
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 ")) << "the probe";
  }
  EXPECT_EQ(secured.server->seen().cancelled, 0);
  {
    ManualTls client(secured.server->port());
    client.send("GET /wait?ms=20000 HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return secured.server->seen().calls == 2; }));
    SSL_shutdown(client.tls);
  }
  EXPECT_TRUE(eventually([&] { return secured.server->seen().cancelled == 1; }, 6s));
  EXPECT_TRUE(eventually([&] { return secured.server->server().open_connections() == 0; }, 6s));
}

}  // namespace
}  // namespace fairlead::http
