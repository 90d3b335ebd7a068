# Completion of careen for fish.
set -l commands scan packages files index hunt exposure lineage diff store db worker status explain threat cache
complete -c careen -n "not __fish_seen_subcommand_from $commands" -f -a "$commands"
complete -c careen -n "__fish_seen_subcommand_from threat" -f -a "new check add remove list show"
complete -c careen -n "__fish_seen_subcommand_from cache" -f -a "status prune"
complete -c careen -n "__fish_seen_subcommand_from db" -f -a "update status import export verify search news"
for c in $commands
    complete -c careen -n "__fish_seen_subcommand_from $c" -a "(careen $c --help 2>/dev/null | string match -ra -- '--[a-z-]+' | sort -u)"
end
