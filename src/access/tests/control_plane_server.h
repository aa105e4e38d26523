// A real server over a real store in a folder of its own, with the routes that a test adds.
#pragma once
#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "access/guard.h"
#include "access/http/routes.h"
#include "access/key_service.h"
#include "base/clock.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"
#include "platform/http/tests/harness.h"
#include "platform/store/database.h"

namespace fairlead::access {

struct Reply {
  int status = 0;
  std::string head, text;
  boost::json::value json;   // null if the body is none
  std::string code() const;  // of an error
};

class ControlPlaneServer {
 public:
  using AddRoutes = std::function<void(http::Router&, const Guard&, store::Database&)>;
  // The store has access's tables and those of `migrations`.
  explicit ControlPlaneServer(std::vector<store::Migration> migrations = {}, AddRoutes add_routes = {});
  ~ControlPlaneServer();
  // Ends all calls and the loops. What routes use, if it has threads of its own, is to be destroyed after this and
  // before the loops.
  void stop();

  // `key` goes into Authorization unless it is empty.
  Reply call(std::string_view method, std::string_view target, std::string_view key, std::string_view body = "");
  Reply raw(std::string_view request);
  const std::string& admin_key() const { return admin_key_; }
  std::string make_key(std::string_view scopes_json, std::string_view project = "default");  // with the admin's key
  std::string path(std::string_view name) const { return folder_.path(name); }
  std::uint16_t port() const { return server_->port(); }
  KeyService& keys() { return *keys_; }

  ManualClock clock;

 private:
  http::ScratchFolder folder_;
  async::Runtime runtime_{2};
  async::BlockingPool pool_{2};  // after the loops that its work goes back to
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<KeyService> keys_;
  std::string admin_key_;
  std::unique_ptr<http::Server> server_;
};

std::string read_file(const std::string& path);

}  // namespace fairlead::access
