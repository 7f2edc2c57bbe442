# SPDX-License-Identifier: MIT
# How are the sides of one workload compared? Each side is a command that prints one line of figures
# (measure.h). All run once per round, in turn, so that other load on the machine affects them alike;
# every other round goes backwards. A ratio is taken within each round. Sourced by b5-loop.sh.
declare -A label command

begin() { sides=""; }

side() { # key, label, command…
  sides="$sides $1"
  label[$1]=$2
  command[$1]="${*:3}"
}

# fio's terse line in our columns. Its voluntary and involuntary switches come as one sum.
as_line() {
  awk -F';' -v OFS='\t' '{
    ops = $6 / 4; ns = $9 * 1e6 / ops
    print ns, ns * ($88 + $89) / 100, $90 / ops, "-", "-", "-" }'
}

run() { # key
  case ${command[$1]} in
  fio*) ${command[$1]} | as_line ;;
  *) ${command[$1]} ;;
  esac
}

backwards() {
  local key out=""
  for key; do out="$key $out"; done
  echo "$out"
}

# One more run counts the system calls, and warms up the caches. A side that can't do the work is left
# out, with the reason.
measure() {
  local key present=""
  rm -f "$scratch"/side-*
  for key in $sides; do
    if COUNT_SYSCALLS=1 run "$key" >"$scratch/side-$key.calls" 2>"$scratch/side-$key.why"; then
      present="$present $key"
    fi
  done
  for _ in $(seq "$pairs"); do
    present=$(backwards $present)
    for key in $present; do
      run "$key" >>"$scratch/side-$key.runs"
    done
  done
}

column() { # key, number: into a file, whose name is printed
  cut -f"$2" "$scratch/side-$1.runs" >"$scratch/column-$1"
  echo "$scratch/column-$1"
}

# A figure with its range, or without if it is a count. fio doesn't give some.
figure() { # key, column
  [ "$(head -n 1 "$(column "$1" "$2")")" = - ] && echo - || median "$(column "$1" "$2")"
}
count() { figure "$@" | cut -d' ' -f1; }

# From the run that counted them; - if none could be counted.
calls() { awk -F'\t' '{ print $5 == "-" ? "-" : sprintf("%.3g", $5) }' "$scratch/side-$1.calls"; }

table() { # title; a seventh column's name, if there is one
  local key
  echo "#### $1"
  echo
  shift
  echo "| side | ns | CPU ns | voluntary switches | involuntary | system calls | threads |${1:+ $1 |}"
  echo "|---|---|---|---|---|---|---|${1:+---|}"
  for key in $sides; do
    if [ ! -s "$scratch/side-$key.runs" ]; then
      echo "| ${label[$key]} | not available: $(sed '1!d; s/.*: line [0-9]*: //' "$scratch/side-$key.why") | | | | | |"
      continue
    fi
    echo -n "| ${label[$key]} | $(figure "$key" 1) | $(figure "$key" 2) | $(count "$key" 3) | $(count "$key" 4) |" \
      "$(calls "$key") | $(count "$key" 6) |"
    echo "${1:+ $(figure "$key" 7) |}"
  done
  echo
}

commands() {
  local key
  echo
  for key in $sides; do echo "    ${command[$key]}"; done
  echo
}

holds() { awk -v value="$1" -v bound="$3" "BEGIN { exit !(value $2 bound) }"; }

said() { # value with range, >= or <=, bound
  holds "${1%% *}" "$2" "$3" && echo "aim $2 $3: met" || echo "aim $2 $3: **missed**"
}

# The ratio of two columns, round by round. Without a bound there is no aim.
aim() { # text, numerator, denominator, column, >= or <=, bound
  local value
  if [ ! -s "$scratch/side-$2.runs" ] || [ ! -s "$scratch/side-$3.runs" ]; then
    echo "- $1: one of the two is not available"
    return
  fi
  value=$(ratio "$(column "$2" "$4")" "$(column "$3" "$4")")
  echo "- $1: $value${5:+; $(said "$value" "${@:5}")}"
}

aim_of() { # text, key, column, >= or <=, bound
  [ -s "$scratch/side-$2.runs" ] || return 0
  local value
  value=$(figure "$2" "$3")
  echo "- $1: $value; $(said "$value" "$4" "$5")"
}
