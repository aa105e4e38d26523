#include "access/store/migrations.h"

namespace fairlead::access {

std::vector<store::Migration> access_migrations() {
  return {{"access", 1, R"sql(
create table keys (
  id text not null primary key,
  digest text not null unique,
  name text not null,
  project text not null,
  scopes bigint not null,
  last_four text not null,
  created_at_us bigint not null,
  expires_at_us bigint not null,
  revoked_at_us bigint not null
);
create table audit_counter (
  value bigint not null
);
insert into audit_counter (value) values (0);
create table audit (
  id bigint not null primary key,
  at_us bigint not null,
  project text not null,
  actor text not null,
  actor_key text not null,
  action text not null,
  kind text not null,
  name text not null,
  detail text not null
);
create index audit_of_project on audit (project, id);
)sql"},
          {"access", 2, R"sql(
create table secrets (
  project text not null,
  name text not null,
  version bigint not null,
  nonce text not null,
  box text not null,
  set_by text not null,
  set_at_us bigint not null,
  primary key (project, name)
);
create table secrets_key_check (
  value text not null
);
)sql"},
          {"access", 3, R"sql(
create table pepper_check (
  value text not null
);
)sql"}};
}

}  // namespace fairlead::access
