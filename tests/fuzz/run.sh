#!/bin/bash
# Fuzz every parser under ASan and UBSan, then see how many lines of what is fuzzed the kept corpus
# reaches. run.sh [RUNS]; ONLY=NAME fuzzes one; MERGE=1 makes the corpus anew of it and
# of what the run found: as little as reaches as much.
set -euo pipefail
cd "$(dirname "$0")/../.."

runs=${1:-10000000}
out=build-fuzz
# PREFORK_VERSION: any text will do
flags="-std=gnu17 -D_GNU_SOURCE -I. -g -O2 -DPREFORK_VERSION=__FILE__ $(pkg-config --cflags libbsd jansson libconfig)"
libs="$(pkg-config --libs libbsd jansson libconfig) -lunistring -pthread -ldl"
sanitized="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
# Every branch is counted; fuzzer-no-link also tells each comparison, which guides to long words.
counted="-fsanitize-coverage=inline-8bit-counters,pc-table -fno-builtin-memcmp -fno-builtin-strncmp"
compared="-fsanitize=fuzzer-no-link"
profiled="-fprofile-instr-generate -fcoverage-mapping"
# The next run takes what the last one freed, rather than fresh pages.
export ASAN_OPTIONS=quarantine_size_mb=4:allocator_release_to_os_interval_ms=-1${ASAN_OPTIONS:+:$ASAN_OPTIONS}

# target, what of the files below is not its to reach (functions that open and write files, or
# that the journal's target reaches), the files whose lines count
targets=(
    "number ^- shared/number.c shared/interval.c"
    "frame commit_adopt shared/frame.c supervisor/job/commit.c"
    "journal refuse|write_all|begin|load|is_current|open_locked|take_up|journal_(open|append|close) supervisor/job/journal.c supervisor/job/resume.c"
    "config ^- supervisor/config_scan.c supervisor/config_token.c supervisor/config_value.c supervisor/config_literal.c supervisor/config_file.c supervisor/config_dump.c supervisor/config_job.c supervisor/config_job_check.c supervisor/config_job_group.c"
    "job ^- supervisor/job/job_json.c"
    "control control_request_(tell|look)|ask_(stop|reopen)|stop_daemon|look_(daemon|stop)|reopened supervisor/control_request.c supervisor/control_verbs.c shared/question.c"
    "jobs verbs_(look_list_on|follow_wait_on|change_cancel_on)|rights_is_admin supervisor/jobs/request.c supervisor/jobs/verbs.c supervisor/jobs/verbs_look.c supervisor/jobs/verbs_change.c supervisor/jobs/rights.c supervisor/job/job_json.c"
    "parcel ask_socket workers/parcel.c"
    "log log_line_refresh_zone|log_line_fit|log_line_fields shared/log_line.c"
    "bus bus_new|bus_free|bus_forget|bus_row_fd|bus_room|bus_payload_max|bus_wake_fd|bus_format|settle|make_wake_fds shared/bus.c shared/bus_read.c shared/bus_seat.c shared/bus_index.c shared/bus_wake.c"
    "text ^- shared/escape.c shared/suggest.c shared/options.c"
    "text_clean ^- shared/text_clean.c shared/text_utf8.c"
    "text_name ^- shared/text_name.c"
    "message_log ^- workers/services/message_log/message_log_text.c"
    "message_log_session ^- workers/services/message_log/message_log.c workers/services/message_log/message_log_senders.c workers/services/message_log/message_log_speaker.c"
    "wire_frame ^- shared/wire_frame.c shared/wire_buffer.c"
    "wire_line ^- shared/wire_line.c"
    "wire_detect ^- shared/wire_detect.c"
    "chat ^- workers/services/chat/chat_command.c workers/services/chat/chat_hello.c workers/services/chat/chat_json.c workers/services/chat/chat_event.c workers/services/chat/chat_show.c"
    "chat_session ^- workers/services/chat/chat.c workers/services/chat/chat_talk.c workers/services/chat/chat_member.c workers/services/chat/chat_guest.c workers/services/chat/chat_say.c workers/services/chat/chat_reply.c workers/services/chat/chat_fan.c workers/services/chat/chat_batch.c workers/services/chat/chat_datagrams.c workers/services/chat/chat_cookie.c workers/services/chat/chat_room.c workers/services/chat/chat_claim.c workers/services/chat/chat_flood.c"
    "chat_client stop_for_a_while workers/services/chat/chat_client.c workers/services/chat/chat_client_hear.c workers/services/chat/chat_client_say.c workers/services/chat/chat_client_show.c shared/talk.c"
    "echo_client ^- workers/services/echo/echo_client.c"
    "sending interrupt workers/services/message_log/message_log_sending.c"
    "wire ^- shared/wire.c shared/wire_raw.c shared/wire_pack.c shared/wire_send.c"
)
mkdir -p $out
status=0

# One object of each source. Those that read byte by byte would spend half of a run on telling
# comparisons with single bytes, which the counters show as well.
# shellcheck disable=SC2317
compile() {
    local file=$1 object=$out/$2/${1%.c}.o how=$profiled
    mkdir -p "${object%/*}"
    if [ "$2" = fuzz ]; then
        how="$sanitized $compared"
        [[ $file != shared/wire* && $file != shared/text* ]] || how="$sanitized $counted"
    fi
    # shellcheck disable=SC2086
    clang-14 $flags -w $how -c "$file" -o "$object"
}
export -f compile
export out flags sanitized counted compared profiled

# Everything, as a library of which a target takes what it needs: counters of the rest would be
# looked through in each run. make_library fuzz|cover
make_library() {
    local library=$out/lib$1.a
    [ ! -e "$library" ] || [ -n "$(find shared supervisor workers -newer "$library" -print -quit)" ] ||
        return 0
    rm -rf "$library" "${out:?}/$1"
    find shared supervisor workers -name '*.c' ! -name main.c -print0 |
        xargs -0 -P "$(nproc)" -I{} bash -c 'compile "$@"' - {} "$1"
    find "$out/$1" -name '*.o' -print0 | xargs -0 ar rcs "$library"
}

make_library fuzz
make_library cover

for row in "${targets[@]}"; do
    read -r name others files <<<"$row"
    seeds=tests/fuzz/corpus/$name
    [ -z "${ONLY:-}" ] || [ "$name" = "$ONLY" ] || continue
    share=1 longest=4096
    case $name in
    config) share=500 ;; # each run of it writes and reads files
    chat_session | message_log_session) share=10 longest=512 ;; # acts rather than texts
    bus) longest=512 ;;
    text_clean | wire_line) longest=1024 ;;
    text_name) longest=1200 ;; # more of a name is not looked at
    wire) longest=2500 ;;      # a line is cut at 2000
    esac
    mkdir -p "$seeds" "$out/$name"
    # shellcheck disable=SC2086
    clang-14 $flags -Wall -Wextra -Werror $sanitized $counted -c "tests/fuzz/fuzz_$name.c" -o "$out/fuzz_$name.o"
    # shellcheck disable=SC2086
    clang-14 $sanitized -fsanitize=fuzzer "$out/fuzz_$name.o" "$out/libfuzz.a" -o "$out/fuzz_$name" $libs
    "$out/fuzz_$name" -runs="$((runs / share))" -max_len=$longest -timeout=20 -verbosity=0 \
        -print_final_stats=1 -artifact_prefix="$out/" "$out/$name" "$seeds" >"$out/$name.log" 2>&1 || {
        tail -n 40 "$out/$name.log"
        status=1
        continue
    }
    if [ "${MERGE:-0}" = 1 ]; then
        for merge in merge set_cover_merge; do
            rm -rf "$out/$name.least"
            mkdir "$out/$name.least"
            "$out/fuzz_$name" -$merge=1 -use_counters=0 -verbosity=0 "$out/$name.least" "$seeds" \
                "$out/$name" >/dev/null 2>&1
            [ "$(find "$out/$name.least" -type f | wc -l)" -gt 200 ] || break
        done
        rm -r "$seeds"
        mv "$out/$name.least" "$seeds"
    fi
    # shellcheck disable=SC2086
    clang-14 $flags -w $profiled -fsanitize=fuzzer "tests/fuzz/fuzz_$name.c" "$out/libcover.a" \
        -o "$out/cover_$name" $libs
    LLVM_PROFILE_FILE=$out/$name.profraw "$out/cover_$name" -runs=0 -verbosity=0 "$seeds" \
        >/dev/null 2>&1
    llvm-profdata-14 merge -o "$out/$name.profdata" "$out/$name.profraw"
    # shellcheck disable=SC2086
    llvm-cov-14 report "$out/cover_$name" -instr-profile="$out/$name.profdata" -show-functions \
        $files >"$out/$name.lines"
    for file in $files; do
        grep -q "^File '.*$file'" "$out/$name.lines" || {
            echo "$name: $file is not in it"
            status=1
        }
    done
    lines=$(awk -v others="(^|:)($others)\$" '
            NF == 10 && $5 ~ /^[0-9]+$/ && $1 != "TOTAL" && $1 !~ others { all += $5; missed += $6 }
            END { printf "%.1f", all ? 100 * (all - missed) / all : 0 }' "$out/$name.lines")
    done_runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
    echo "$name: $done_runs runs clean, the corpus of $(find "$seeds" -type f | wc -l) reaches $lines % of the lines of $files"
    awk -v lines="$lines" 'BEGIN { exit !(lines >= 90) }' || {
        echo "$name: below 90 %"
        status=1
    }
done
exit $status
