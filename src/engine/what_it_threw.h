// Code that is not ours, called so that what it throws stays with it.
#ifndef RETAILSYNC_SRC_ENGINE_WHAT_IT_THREW_H_
#define RETAILSYNC_SRC_ENGINE_WHAT_IT_THREW_H_

#include <exception>
#include <string>

namespace retailsync::engine {

// "threw: " and why; empty when it did not.
template <typename Call>
std::string WhatItThrew(const Call& call) noexcept {
  try {
    call();
  } catch (const std::exception& error) {
    return std::string("threw: ") + error.what();
  } catch (...) {
    return "threw something that is no std::exception";
  }
  return {};
}

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_WHAT_IT_THREW_H_
