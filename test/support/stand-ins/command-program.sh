#!/bin/sh
# What the stand-in of provider "command" runs: keys are files in the folder that its argument names. It reads one line
# of JSON as Keyferry writes it; a program for real use reads JSON as such.
cd "$1" || exit 1
input=$(cat)
text() { printf '%s' "$input" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
answer() { printf '%s' "$1"; exit 0; }
fail() { answer "{\"error\":{\"failure\":\"$1\",\"retryAfterSeconds\":1,\"message\":\"words of the provider\"}}"; }
# Faults are files: whoever can move one away has it.
take() {
  for fault in fault."$1".*; do
    [ -e "$fault" ] && mv "$fault" "taken.$fault" 2>/dev/null && return 0
  done
  return 1
}
words_of_its_own() { echo 'words of the provider' >&2; }

words_of_its_own
action=$(text action)
# Taken first: a program that is killed before it ends leaves no fault behind.
lost=0
[ "$action" = mint ] && take lost_answer && lost=1
if take wrong_credentials || [ "$(text password)" != "$(cat password)" ]; then fail refused; fi
of_step=$(text stepId | tr -cd 'a-zA-Z0-9')
id=$(text keyId)
if [ -z "$id" ]; then
  if [ "$(text because)" = taken_back ]; then id=$of_step; else id=before; fi
fi
case $action in
  check | plan) ;;
  mint)
    take throttled && fail throttled
    take unavailable && fail unavailable
    value="value-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    works=1
    take broken_key && works=0
    echo "$value $works keyferry" >"draft.$$"
    # There at once and whole, or not at all: the same step makes no second one.
    ln "draft.$$" "key.$of_step" 2>/dev/null
    rm -f "draft.$$"
    [ $lost = 1 ] && kill -9 $$
    read -r value works madeBy <"key.$of_step"
    answer "{\"ok\":true,\"value\":\"$value\",\"keyId\":\"$of_step\"}"
    ;;
  verify)
    given=$(text value)
    read -r value works madeBy <"key.$id" || fail refused
    if [ -e "state.$id" ] || [ "$works" != 1 ] || [ "$given" != "$value" ]; then fail refused; fi
    ;;
  disable) [ "$(cat "state.$id" 2>/dev/null)" = gone ] || echo disabled >"state.$id" ;;
  enable) [ "$(cat "state.$id" 2>/dev/null)" = gone ] || rm -f "state.$id" ;;
  revoke)
    take refused_revocation && fail refused
    echo gone >"state.$id"
    ;;
  *) fail refused ;;
esac
answer '{"ok":true}'
