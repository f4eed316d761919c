// The one place that knows which Catch2 is installed: v2 as Debian 12 has it, or v3.
#ifndef RETAILSYNC_TESTS_SUPPORT_CATCH_H_
#define RETAILSYNC_TESTS_SUPPORT_CATCH_H_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // RETAILSYNC_TESTS_SUPPORT_CATCH_H_
