#include "store/sqlite/schema_steps.h"

namespace retailsync::store::sqlite {

// A release that does not know of it would take attempts for younger than they are.
const char kSchemaStep5[] = R"sql(
UPDATE about SET meaning = 'latest_time: the latest time the engine saw, in microseconds since 1970. doubtful_before: how long ago something was that was noted before then cannot be told, because a clock was set back. last_seq and last_dead_letter: numbers up to here were used, also when the rows have expired.'
WHERE name = 'meta.name';
)sql";

}  // namespace retailsync::store::sqlite
