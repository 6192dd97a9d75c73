/* What all verbs do alike: say what they take, and read it. */
#include "shared/cmd.h"

#include "shared/complaint.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/options.h"

void cmd_write_help(FILE *out, const struct cmd *cmd) {
    fprintf(out, "usage: prefork %s%s%s [options]\n%s\n", cmd->name,
        cmd->operands[0] != '\0' ? " " : "", cmd->operands, cmd->summary);
    if (cmd->options[0].name != NULL) {
        fprintf(out, "\noptions:\n");
        settings_write_help(out, cmd->options);
    }
    if (cmd->more_help != NULL)
        cmd->more_help(out);
    if (cmd->examples != NULL)
        fprintf(out, "\nexamples:\n");
    for (size_t i = 0; cmd->examples != NULL && cmd->examples[i] != NULL; i += 2)
        fprintf(out, "  %s\n      %s\n", cmd->examples[i], cmd->examples[i + 1]);
}

/* Take every operand. Returns what ended the list. */
static enum options_found take_operands(const struct cmd *cmd, struct options *options, int most,
    struct cmd_operands *out, struct complaint *complaint) {
    enum options_found found;
    const char *operand;

    while ((found = options_next(options, &operand, complaint)) == OPTIONS_OPERAND) {
        if (out->count == most) {
            complaint_set(complaint, "\"%.60s\" is one operand too many; usage: prefork %s %s",
                operand, cmd->name, cmd->operands);
            return OPTIONS_BAD;
        }
        out->text[out->count++] = operand;
    }
    return found;
}

int cmd_read_args(const struct cmd *cmd, char **argv, void *values, int least, int most,
    struct cmd_operands *out) {
    struct complaint complaint;
    enum options_found found;
    struct options options;

    *out = (struct cmd_operands){ .count = 0 };
    settings_set_defaults(cmd->options, values);
    options_begin(&options, argv);
    options_add(&options, cmd->options, values);
    found = take_operands(cmd, &options, most, out, &complaint);
    if (found == OPTIONS_HELP) {
        cmd_write_help(stdout, cmd);
        return EXIT_CODE_OK;
    }
    if (found == OPTIONS_END && out->count < least) {
        complaint_set(
            &complaint, "something is missing; usage: prefork %s %s", cmd->name, cmd->operands);
        found = OPTIONS_BAD;
    }
    if (found == OPTIONS_END && options.rest != NULL && options.rest[0] != NULL) {
        complaint_set(&complaint, "nothing is taken behind \"--\"");
        found = OPTIONS_BAD;
    }
    if (found != OPTIONS_BAD)
        return CMD_READ;
    log_warnx("%s: %s", cmd->name, complaint.text);
    return EXIT_CODE_USAGE;
}
