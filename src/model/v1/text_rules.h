// What makes a text acceptable.
#ifndef RETAILSYNC_SRC_MODEL_V1_TEXT_RULES_H_
#define RETAILSYNC_SRC_MODEL_V1_TEXT_RULES_H_

#include <string_view>

namespace retailsync::model_internal {

// UTF-8 without overlong forms and surrogates (RFC 3629), and without NUL.
bool IsPlainText(std::string_view text);
bool IsUpperLetters(std::string_view text, size_t count);
// The shape of a BCP 47 tag: subtags of letters and digits, the first of letters only.
bool IsLocale(std::string_view text);

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_TEXT_RULES_H_
