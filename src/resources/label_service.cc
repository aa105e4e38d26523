// The part of the service that is about labels.
#include "resources/internal/service_parts.h"
#include "resources/service.h"
#include "resources/store/approvals.h"
#include "resources/store/queries.h"

namespace fairlead::resources {

using store::Connection;

async::Task<Result<Promotion>> ResourceService::promote(std::string project, std::string kind, std::string name,
                                                        std::string ref, std::string label, std::string why,
                                                        access::Actor actor) {
  auto promoting = impl_->thread.run(
      [impl = impl_.get(), project = std::move(project), kind = std::move(kind), name = std::move(name),
       ref = std::move(ref), label = std::move(label), why = std::move(why),
       actor = std::move(actor)] { return impl->changer.promote(project, kind, name, ref, label, why, actor); });
  co_return co_await std::move(promoting);
}

async::Task<Result<LabelMove>> ResourceService::rollback(std::string project, std::string kind, std::string name,
                                                         std::string label, access::Actor actor) {
  auto rolling_back = impl_->thread.run([impl = impl_.get(), project = std::move(project), kind = std::move(kind),
                                         name = std::move(name), label = std::move(label), actor = std::move(actor)] {
    return impl->changer.rollback(project, kind, name, label, actor);
  });
  co_return co_await std::move(rolling_back);
}

async::Task<Result<LabelMove>> ResourceService::approve(std::string project, std::string id, std::string note,
                                                        access::Actor actor) {
  auto approving =
      impl_->thread.run([impl = impl_.get(), project = std::move(project), id = std::move(id), note = std::move(note),
                         actor = std::move(actor)] { return impl->changer.approve(project, id, note, actor); });
  co_return co_await std::move(approving);
}

async::Task<Result<Approval>> ResourceService::reject(std::string project, std::string id, std::string note,
                                                      access::Actor actor) {
  auto rejecting =
      impl_->thread.run([impl = impl_.get(), project = std::move(project), id = std::move(id), note = std::move(note),
                         actor = std::move(actor)] { return impl->changer.reject(project, id, note, actor); });
  co_return co_await std::move(rejecting);
}

async::Task<Result<Approval>> ResourceService::withdraw(std::string project, std::string id, std::string note,
                                                        AnyonesRequest any, access::Actor actor) {
  auto withdrawing = impl_->thread.run(
      [impl = impl_.get(), project = std::move(project), id = std::move(id), note = std::move(note), any,
       actor = std::move(actor)] { return impl->changer.withdraw(project, id, note, any, actor); });
  co_return co_await std::move(withdrawing);
}

async::Task<Result<std::vector<Approval>>> ResourceService::approvals(std::string project, bool all,
                                                                      std::size_t limit) {
  std::function<Result<std::vector<Approval>>(Connection&)> make = [=](Connection& connection) {
    return load_approvals(connection, project, all, limit);
  };
  co_return co_await read<std::vector<Approval>>(impl_->database, std::move(make));
}

async::Task<Result<std::int64_t>> ResourceService::protect(std::string project, Protection protection,
                                                           access::Actor actor) {
  auto protecting =
      impl_->thread.run([impl = impl_.get(), project = std::move(project), protection = std::move(protection),
                         actor = std::move(actor)] { return impl->changer.protect(project, protection, actor); });
  co_return co_await std::move(protecting);
}

async::Task<Result<std::int64_t>> ResourceService::unprotect(std::string project, std::string label,
                                                             access::Actor actor) {
  auto ending =
      impl_->thread.run([impl = impl_.get(), project = std::move(project), label = std::move(label),
                         actor = std::move(actor)] { return impl->changer.unprotect(project, label, actor); });
  co_return co_await std::move(ending);
}

async::Task<Result<std::vector<Protection>>> ResourceService::protections(std::string project) {
  std::function<Result<std::vector<Protection>>(Connection&)> make = [=](Connection& connection) {
    return load_protections(connection, project);
  };
  co_return co_await read<std::vector<Protection>>(impl_->database, std::move(make));
}

async::Task<Result<Check>> ResourceService::add_check(std::string project, std::string ref, Check check,
                                                      access::Actor actor) {
  auto adding = impl_->thread.run(
      [impl = impl_.get(), project = std::move(project), ref = std::move(ref), check = std::move(check),
       actor = std::move(actor)] { return impl->changer.add_check(project, ref, check, actor); });
  co_return co_await std::move(adding);
}

async::Task<Result<std::vector<Check>>> ResourceService::checks(std::string project, std::string kind, std::string name,
                                                                std::string ref) {
  std::function<Result<std::vector<Check>>(Connection&)> make =
      [=](Connection& connection) -> Result<std::vector<Check>> {
    FAIRLEAD_TRY(const Resource resource, existing(connection, project, kind, name));
    FAIRLEAD_TRY(const int version, resource.resolve(ref));
    return load_checks(connection, project, kind, name, version);
  };
  co_return co_await read<std::vector<Check>>(impl_->database, std::move(make));
}

}  // namespace fairlead::resources
