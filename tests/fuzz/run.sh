#!/bin/bash
# Fuzz every parser under ASan and UBSan, then see how many lines of what is fuzzed the kept corpus
# reaches. run.sh [RUNS]; ONLY=NAME fuzzes one; MERGE=1 keeps what the run found that reaches more.
set -euo pipefail
cd "$(dirname "$0")/../.."

runs=${1:-10000000}
out=build-fuzz
# PREFORK_VERSION: any text will do
flags="-std=gnu17 -D_GNU_SOURCE -I. -g -O1 -w -DPREFORK_VERSION=__FILE__ $(pkg-config --cflags libbsd jansson libconfig)"
libs="$(pkg-config --libs libbsd jansson libconfig) -lunistring -pthread -ldl"
sources=$(find shared supervisor workers -name '*.c' ! -name main.c)
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
    "wire_frame ^- shared/wire_frame.c shared/wire_buffer.c"
    "wire_line ^- shared/wire_line.c"
    "wire_detect ^- shared/wire_detect.c"
    "chat ^- workers/services/chat/chat_command.c workers/services/chat/chat_hello.c workers/services/chat/chat_json.c workers/services/chat/chat_event.c workers/services/chat/chat_show.c"
    "wire ^- shared/wire.c shared/wire_raw.c shared/wire_pack.c shared/wire_send.c"
)
mkdir -p $out
status=0

for row in "${targets[@]}"; do
    read -r name others files <<<"$row"
    seeds=tests/fuzz/corpus/$name
    [ -z "${ONLY:-}" ] || [ "$name" = "$ONLY" ] || continue
    share=1
    [ "$name" != config ] || share=500 # each run of it writes and reads files
    mkdir -p "$seeds" "$out/$name"
    # shellcheck disable=SC2086
    clang-14 $flags -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
        "tests/fuzz/fuzz_$name.c" $sources -o "$out/fuzz_$name" $libs
    "$out/fuzz_$name" -runs="$((runs / share))" -max_len=4096 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$out/" "$out/$name" "$seeds" >"$out/$name.log" 2>&1 || {
        tail -n 40 "$out/$name.log"
        status=1
        continue
    }
    if [ "${MERGE:-0}" = 1 ]; then
        "$out/fuzz_$name" -merge=1 -use_counters=0 -verbosity=0 "$seeds" "$out/$name" >/dev/null 2>&1
    fi
    # shellcheck disable=SC2086
    clang-14 $flags -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping \
        "tests/fuzz/fuzz_$name.c" $sources -o "$out/cover_$name" $libs
    LLVM_PROFILE_FILE=$out/$name.profraw "$out/cover_$name" -runs=0 -verbosity=0 "$seeds" \
        >/dev/null 2>&1
    llvm-profdata-14 merge -o "$out/$name.profdata" "$out/$name.profraw"
    # shellcheck disable=SC2086
    lines=$(llvm-cov-14 report "$out/cover_$name" -instr-profile="$out/$name.profdata" \
        -show-functions $files | awk -v others="(^|:)($others)\$" '
            NF == 10 && $5 ~ /^[0-9]+$/ && $1 != "TOTAL" && $1 !~ others { all += $5; missed += $6 }
            END { printf "%.1f", all ? 100 * (all - missed) / all : 0 }')
    done_runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
    echo "$name: $done_runs runs clean, the corpus of $(find "$seeds" -type f | wc -l) reaches $lines % of the lines of $files"
    awk -v lines="$lines" 'BEGIN { exit !(lines >= 90) }' || {
        echo "$name: below 90 %"
        status=1
    }
done
exit $status
