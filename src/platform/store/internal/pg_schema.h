// The rooms' migrations, which are written for SQLite, in PostgreSQL's words.
#pragma once
#include <string>
#include <string_view>

namespace fairlead::store {

// `integer primary key` → an identity, `integer` → bigint, `blob` → bytea, `real` → double precision, `text` → text
// that is compared by its bytes, as SQLite does; `without rowid` and `strict` go. What is quoted, and comments, stay.
std::string pg_schema(std::string_view sql);

}  // namespace fairlead::store
