#include "models/http/routes.h"

#include <boost/json/array.hpp>

#include "access/control_plane.h"

namespace fairlead::models {
namespace {

namespace bj = boost::json;
using access::Principal;
using access::Scope;

bj::object entry_json(const ModelFile& file) {
  bj::object out;
  out["file"] = file.file;
  out["bytes"] = file.bytes;
  out["sha256"] = file.sha256.empty() ? bj::value(nullptr) : bj::value(file.sha256);
  out["state"] = to_string(file.state);
  out["fetched_bytes"] = file.fetched_bytes;
  out["error"] = file.error.empty() ? bj::value(nullptr) : bj::value(file.error);
  return out;
}

struct Context {
  ModelFiles* files;
  async::BlockingPool* blocking;
};

async::Task<void> list_files(http::Exchange& exchange, Context context) {
  ModelFiles* files = context.files;
  const auto found = co_await context.blocking->run([files] { return files->list(); });
  bj::array data;
  for (const ModelFile& file : found) data.push_back(entry_json(file));
  bj::object answer;
  answer["data"] = std::move(data);
  answer["has_more"] = false;
  co_await access::respond_json(exchange, 200, std::move(answer));
}

struct AddRequest {
  std::string source, sha256, name;
};

Result<AddRequest> parse_add(const bj::object& body) {
  FAIRLEAD_CHECK(access::only_members(body, {"source", "sha256", "name"}));
  AddRequest out;
  FAIRLEAD_TRY(out.source, access::required_string(body, "source"));
  FAIRLEAD_TRY(auto sha256, access::optional_string(body, "sha256"));
  FAIRLEAD_TRY(auto name, access::optional_string(body, "name"));
  out.sha256 = std::move(sha256).value_or("");
  out.name = std::move(name).value_or("");
  return out;
}

async::Task<void> add_file(http::Exchange& exchange, Context context) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await access::refuse(exchange, std::move(body).error());
  auto parsed = parse_add(*body);
  if (!parsed) co_return co_await access::refuse(exchange, std::move(parsed).error());
  ModelFiles* files = context.files;
  const AddRequest request = *std::move(parsed);
  auto adding =
      context.blocking->run([files, request] { return files->add(request.source, request.sha256, request.name); });
  auto added = co_await std::move(adding);
  if (!added) co_return co_await access::refuse(exchange, std::move(added).error());
  co_await access::respond_json(exchange, 202, entry_json(*added));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, ModelFiles& files, async::BlockingPool& blocking) {
  const Context context{&files, &blocking};
  router.add(http::Method::kGet, "/api/v1/model-files",
             guard.protect(Scope::kRead, [context](http::Exchange& exchange, const Principal&) {
               return list_files(exchange, context);
             }));
  router.add(http::Method::kPost, "/api/v1/model-files",
             guard.protect(Scope::kAdmin, [context](http::Exchange& exchange, const Principal&) {
               return add_file(exchange, context);
             }));
}

}  // namespace fairlead::models
