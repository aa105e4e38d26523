#include "access/tests/control_plane_server.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "platform/json/text.h"

namespace fairlead::access {

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string Reply::code() const {
  if (!json.is_object() || !json.get_object().contains("error")) return "";
  const auto& code = json.get_object().at("error").at("code");
  return code.is_string() ? std::string(code.get_string()) : "";
}

ControlPlaneServer::ControlPlaneServer(std::vector<store::Migration> more, AddRoutes add) {
  std::vector<store::Migration> migrations = KeyService::migrations();
  migrations.insert(migrations.end(), more.begin(), more.end());
  database_ = store::open_sqlite(folder_.path("fairlead.db"), pool_, migrations).value();
  keys_ = KeyService::open(*database_, pool_, clock, folder_.path("")).value();
  admin_key_ = read_file(keys_->create_first_admin_blocking().value().value());
  admin_key_.pop_back();
  const Guard guard([keys = keys_.get()] { return keys->table(); }, clock);
  http::Router router;
  add_routes(router, guard, *keys_);
  if (add) add(router, guard, *database_);
  http::ServerOptions options;
  options.port = 0;
  server_ = http::Server::listen(runtime_, options, std::move(router)).value();
  runtime_.start();
  server_->start();
}

ControlPlaneServer::~ControlPlaneServer() {
  stop();
}

void ControlPlaneServer::stop() {
  server_->drain(std::chrono::milliseconds(1000));
  runtime_.stop();
}

Reply ControlPlaneServer::raw(std::string_view request) {
  http::RawClient client(server_->port());
  EXPECT_TRUE(client.send(request));
  const http::Answer answer = client.read();
  Reply reply{answer.status, answer.head, answer.body, nullptr};
  if (auto parsed = json::parse(answer.body)) reply.json = *std::move(parsed);
  return reply;
}

Reply ControlPlaneServer::call(std::string_view method, std::string_view target, std::string_view key,
                               std::string_view body) {
  clock.advance(std::chrono::milliseconds(1));  // so that what is made sorts in the order it was made
  std::string request =
      std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  if (!key.empty()) request += "Authorization: Bearer " + std::string(key) + "\r\n";
  if (!body.empty() || method == "POST") {
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return raw(request + "\r\n" + std::string(body));
}

std::string ControlPlaneServer::make_key(std::string_view scopes_json, std::string_view project) {
  const Reply made = call(
      "POST", "/api/v1/keys", admin_key_,
      R"({"name":"test","scopes":)" + std::string(scopes_json) + R"(,"project":")" + std::string(project) + R"("})");
  EXPECT_EQ(made.status, 201) << made.text;
  return made.status == 201 ? std::string(made.json.at("key").as_string()) : "";
}

}  // namespace fairlead::access
