// SPDX-License-Identifier: MIT
// How does the loop queue things without allocating? The link is part of the thing: an object is in
// at most one list at a time, leaves it in constant time from wherever it is, and leaves by itself
// when it is destroyed. So an owner may drop a timer or a hook in the middle of any walk.
#pragma once
#include <cassert>
#include <utility>

namespace timeslice::loop {

struct Link {
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  [[nodiscard]] bool linked() const { return next != this; }
  void unlink() {
    prev->next = next;
    next->prev = prev;  // NOLINT: what was freed has left
    prev = next = this;
  }

  Link* prev = this;
  Link* next = this;
};

// A first-in first-out list of T, which derives from Link. It owns nothing.
template <typename T>
class List {
 public:
  List() = default;
  ~List() {
    while (!empty()) pop_front();
  }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  [[nodiscard]] bool empty() const { return !head_.linked(); }
  [[nodiscard]] T& front() { return static_cast<T&>(*head_.next); }  // NOLINT: as above

  void push_back(T& item) {
    Link& link = item;
    assert(!link.linked());
    link.prev = head_.prev;
    link.next = &head_;
    link.prev->next = link.next->prev = &link;
  }

  T& pop_front() {
    T& item = front();
    static_cast<Link&>(item).unlink();
    return item;
  }

  // Moves all of `other` to this list's end, in constant time.
  void append(List& other) {
    if (other.empty()) return;
    Link& first = *other.head_.next;
    Link& last = *other.head_.prev;
    other.head_.prev = other.head_.next = &other.head_;
    first.prev = head_.prev;
    last.next = &head_;
    first.prev->next = &first;
    head_.prev = &last;
  }

  // Calls `visit` once for each item that is here now. It may remove any item, itself too, and may
  // add some: those wait for the next walk. If it throws, the items not yet visited stay.
  template <typename Visit>
  void walk(Visit visit) {
    struct Rest {
      List& home;
      List items;
      ~Rest() { home.append(items); }
    } rest{*this, {}};
    rest.items.append(*this);
    while (!rest.items.empty()) {
      T& item = rest.items.pop_front();
      push_back(item);
      visit(item);
    }
  }

 private:
  Link head_;
};

}  // namespace timeslice::loop
