# Completion of a program of segkit for fish: the one that this file is called after. Options, what
# they mean and what kind of value each takes are read from --help, so that there is no second list
# of them to grow old.

function __segkit_models
    segment --list-models 2>/dev/null | string replace -rf '^([^ :]+): .*' '$1'
end

# Of one kind, or all. Only the first of a kind has it before its name.
function __segkit_features -a wanted
    seginspect 2>/dev/null | awk -v wanted="$wanted" '
        /^not loaded:/ { exit }
        /^  [a-z]+  / { kind = $1; if (!wanted || kind == wanted) print $2 }
        /^    / && (!wanted || kind == wanted) { print $1 }'
end

function __segkit_complete -a program
    set -l pattern '^  (?:-(?<short>[a-z]), )?--(?<long>[a-z-]+)(?:=(?<kind>[A-Za-z]+))? +(?<text>.*)'
    $program --help 2>/dev/null | while read -l line
        string match -rq $pattern -- $line; or continue
        set -l option -l $long -d $text
        test -n "$short"; and set -a option -s $short
        switch $long,$kind
            case '*,'
            case '*,FILE'
                set -a option -rF
            case '*,DIR'
                set -a option -xa '(__fish_complete_directories)'
            case '*,MODEL'
                set -a option -rFa '(__segkit_models)'
            case '*,FORMAT'
                set -a option -xa '(__segkit_features format)'
            case 'progress,*'
                set -a option -xa 'line json none'
            case 'split,*'
                set -a option -xa 'train validation test all'
            case 'tta,*'
                set -a option -xa 'none flips d4'
            case 'probability-bits,*'
                set -a option -xa '8 16 32'
            case '*'
                set -a option -x
        end
        complete -c $program $option
    end
    test $program = segtrain; and complete -c $program -n __fish_is_first_token -a 'check evaluate'
    test $program = seginspect; and complete -c $program -a '(__segkit_features; __segkit_models)'
end

__segkit_complete (basename (status filename) .fish)
