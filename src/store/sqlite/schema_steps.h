// The steps of the schema. A step that was released is never changed.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_STEPS_H_
#define RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_STEPS_H_

namespace retailsync::store::sqlite {

// Version 1: the tables, and the table that documents them.
extern const char kSchemaStep1[];
// Version 2: views for people, and what finding and expiring dead letters needs.
extern const char kSchemaStep2[];
// Version 3: what goes as it should has no row of its own.
extern const char kSchemaStep3[];
// Version 4: the key index takes the place of the one over change ids.
extern const char kSchemaStep4[];
// Version 5: how old what is noted is may be in doubt.
extern const char kSchemaStep5[];
// Version 6: rows of records and lanes are appended first, and sorted in later.
extern const char kSchemaStep6[];

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_STEPS_H_
