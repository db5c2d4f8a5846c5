#!/usr/bin/env bash
# Installs egress-reconciler with gcloud alone: the same as deploy/terraform makes by default. It can be run again: what
# is there is left or brought up to date.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/gcloud.sh [--dry-run] COMMAND --project P --region R [options]

  install      --policy FILE --projects P1,P2 [--hosts H1,H2] [--image IMAGE] [--admins A@B,C@D]
               [--deletions] [--create-network]
               Checks the policy first, with the egress-reconciler on the PATH or the one in EGRESS_RECONCILER.
               Without --image, cloudbuild.yaml builds one. A policy with mode enforce implies --deletions.
  uninstall    --projects P1,P2 [--hosts H1,H2] [--yes]
               Asks before the policy is deleted, unless --yes is given.
  redrive      redelivers the dead-letter events
  redrive-end  stops redelivery, so that new dead-letter events are kept again; run it when none are left

  --name N     name of all resources except the roles (default egress-reconciler); the roles are shared by all
               installations in a project
  --dry-run    prints the commands of a first installation, or of a whole uninstallation, and runs none
  --verbose    shows what every command prints
TEXT
  exit "${1:-64}"
}

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# --- what was asked for ---------------------------------------------------------------------------------------------

dry_run=no command='' project='' region='' name=egress-reconciler policy='' image='' admins=''
projects=() hosts=() deletions=no create_network=no verbose=no yes=no

while (($#)); do
  case $1 in
    --dry-run) dry_run=yes ;;
    --help | -h) usage 0 ;;
    --verbose) verbose=yes ;;
    --yes) yes=yes ;;
    --deletions) deletions=yes ;;
    --create-network) create_network=yes ;;
    --project | --region | --name | --policy | --image | --admins | --projects | --hosts)
      (($# > 1)) || usage
      case $1 in
        --project) project=$2 ;;
        --region) region=$2 ;;
        --name) name=$2 ;;
        --policy) policy=$2 ;;
        --image) image=$2 ;;
        --admins) admins=$2 ;;
        --projects) IFS=, read -ra projects <<<"$2" ;;
        --hosts) IFS=, read -ra hosts <<<"$2" ;;
      esac
      shift
      ;;
    install | uninstall | redrive | redrive-end) command=$1 ;;
    *) usage ;;
  esac
  shift
done
[[ -n $command && -n $project && -n $region ]] || usage
[[ $command == redrive* || ${#projects[@]} -gt 0 ]] || usage
[[ $command != install || -f $policy ]] || fail "--policy '$policy' is no file"

# --- the policy -----------------------------------------------------------------------------------------------------

# A policy that is not right is refused here: the service would start with it, and do nothing. What it needs is read from
# what `policy check` says.
if [[ $command == install ]]; then
  program=${EGRESS_RECONCILER:-egress-reconciler}
  command -v "$program" >/dev/null ||
    fail "$program was not found, and the policy must be checked: run 'cargo install --path .', or set EGRESS_RECONCILER"
  said=$("$program" policy check "$policy") || fail "the policy $policy is not right; nothing was changed"
  scope=$(awk '$1 == "projects" || $1 == "hosts" {$1 = ""; sub(/:.*/, ""); gsub(/,| and /, " "); print}' <<<"$said")
  for place in $scope; do
    [[ " ${projects[*]} ${hosts[*]-} " == *" $place "* ]] ||
      fail "the policy's scope has $place, --projects and --hosts have not: the service would have no permissions there"
  done
  for place in "${projects[@]}" ${hosts[@]+"${hosts[@]}"}; do
    [[ " ${scope//$'\n'/ } " == *" $place "* ]] ||
      printf 'warning: %s is not in the scope of the policy; it gets a role and a log sink all the same\n' "$place" >&2
  done
  # shellcheck disable=SC2016 # the quotes are those of the text
  ! grep -Eq '^ +mode +enforce|`mode` is enforce' <<<"$said" || deletions=yes
fi

# --- names: the ones of deploy/terraform ----------------------------------------------------------------------------

deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$deploy")
places=(${projects[@]+"${projects[@]}"} ${hosts[@]+"${hosts[@]}"})
runtime=$name@$project.iam.gserviceaccount.com
trigger=$name-trigger@$project.iam.gserviceaccount.com
build=$name-build@$project.iam.gserviceaccount.com
home_apis=(artifactregistry cloudbuild cloudscheduler containeranalysis containerscanning eventarc iam logging monitoring pubsub run secretmanager)
place_apis=(compute run serviceusage vpcaccess)
build_roles=(logging.logWriter storage.admin containeranalysis.notes.editor containeranalysis.occurrences.editor)
roles=(egressReconciler)
[[ $deletions == no ]] || roles+=(egressReconcilerDeletions)
[[ $create_network == no ]] || roles+=(egressReconcilerNetwork)

# --- how commands are run -------------------------------------------------------------------------------------------

# Says in a line what is being done.
step() { [[ $dry_run == yes ]] || printf '%s\n' "$*"; }

# Runs a command that changes something, or prints it. What it says is shown if it fails.
run() {
  if [[ $dry_run == no ]]; then
    if [[ $verbose == yes ]]; then "$@"; else "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }; fi
    return
  fi
  local argument
  for argument in "$@"; do
    # shellcheck disable=SC2016 # printed as it is: the filter fills a screen
    case $argument in
      --log-filter=*) printf '%s ' '--log-filter="$(cat sink-filter.txt)"' ;;
      *) printf '%q ' "$argument" ;;
    esac
  done
  printf '\n'
}

# Runs a command again and again for ten minutes: it takes so long until Monitoring knows a metric that was just made.
retry() {
  local left=20
  until run "$@"; do
    ((left-- > 0)) || fail "given up; what was created stays, run it again"
    printf 'not yet, again in 30 s\n' >&2
    sleep 30
  done
}

# What gcloud knows; in a dry run the first argument is printed instead.
ask() {
  local otherwise=$1
  shift
  if [[ $dry_run == yes ]]; then printf '%s' "$otherwise"; else gcloud "$@"; fi
}

exists() { [[ $dry_run == no ]] && gcloud "$@" --format=none >/dev/null 2>&1; }

# create_if_missing LOOK… -- CREATE…: makes what is not there.
create_if_missing() {
  local look=()
  while [[ $1 != -- ]]; do look+=("$1") && shift; done
  exists "${look[@]}" || run gcloud "${@:2}"
}

# create_or_update LOOK… -- CREATE… -- UPDATE…: makes what is not there, and brings up to date what is.
create_or_update() {
  local look=() create=()
  while [[ $1 != -- ]]; do look+=("$1") && shift; done
  shift
  while [[ $1 != -- ]]; do create+=("$1") && shift; done
  if exists "${look[@]}"; then run gcloud "${@:2}"; else run gcloud "${create[@]}"; fi
}

# delete_if_exists LOOK… -- DELETE…: takes away what is there.
delete_if_exists() {
  local look=()
  while [[ $1 != -- ]]; do look+=("$1") && shift; done
  if [[ $dry_run == yes ]] || exists "${look[@]}"; then run gcloud "${@:2}" --quiet; fi
}

# Fills in ${…} as envsubst would, and leaves the result where commands find it by its bare name.
render() {
  local text
  text=$(<"$1")
  text=${text//"\${name}"/$name}
  text=${text//"\${project}"/$project}
  text=${text//"\${image}"/$image}
  text=${text//"\${url}"/$url}
  text=${text//"\${admins}"/$trigger${admins:+,$admins}}
  printf '%s\n' "$text" >"$2"
}

# --- install --------------------------------------------------------------------------------------------------------

apis() {
  run gcloud services enable "${home_apis[@]/%/.googleapis.com}" --project="$project"
  local place
  for place in "${places[@]}"; do
    run gcloud services enable "${place_apis[@]/%/.googleapis.com}" --project="$place"
  done
}

accounts() {
  local account
  for account in "$name" "$name-trigger" "$name-build"; do
    create_if_missing iam service-accounts describe "$account@$project.iam.gserviceaccount.com" --project="$project" -- \
      iam service-accounts create "$account" --project="$project"
  done
}

grants() {
  local place role
  for place in "${places[@]}"; do
    for role in "${roles[@]}"; do
      # A role that was deleted keeps its name for a week.
      [[ $(ask '' iam roles list --project="$place" --show-deleted --filter="name~/$role\$ AND deleted=true" \
        --format='value(name)') != */$role ]] || run gcloud iam roles undelete "$role" --project="$place"
      # Without --quiet gcloud asks whether the role may be replaced.
      create_or_update iam roles describe "$role" --project="$place" -- \
        iam roles create "$role" --project="$place" --file="$role.yaml" --quiet -- \
        iam roles update "$role" --project="$place" --file="$role.yaml" --quiet
      run gcloud projects add-iam-policy-binding "$place" --condition=None \
        --member="serviceAccount:$runtime" --role="projects/$place/roles/$role"
    done
  done
}

repository() {
  create_if_missing artifacts repositories describe "$name" --location="$region" --project="$project" -- \
    artifacts repositories create "$name" --repository-format=docker --location="$region" --project="$project"
  run gcloud artifacts repositories add-iam-policy-binding "$name" --location="$region" --project="$project" \
    --member="serviceAccount:$build" --role=roles/artifactregistry.writer
  local role
  for role in "${build_roles[@]}"; do
    run gcloud projects add-iam-policy-binding "$project" --condition=None \
      --member="serviceAccount:$build" --role="roles/$role"
  done
  run gcloud iam service-accounts add-iam-policy-binding "$runtime" --project="$project" \
    --member="serviceAccount:$build" --role=roles/iam.serviceAccountUser
}

built() {
  [[ -z $image ]] || return 0
  local version source=$root
  [[ $dry_run == no ]] || source=.
  version=$(awk -F'"' '/^version = / {print $2; exit}' "$root/Cargo.toml")
  image=$region-docker.pkg.dev/$project/$name/$name:$version
  create_if_missing artifacts docker images describe "$image" --project="$project" -- \
    builds submit "$source" --config="$source/cloudbuild.yaml" \
    --project="$project" --region="$region" --service-account="projects/$project/serviceAccounts/$build" \
    --substitutions="_IMAGE=${image%:*},_TAG=$version"
}

topics() {
  local topic
  for topic in events dead reports; do
    create_if_missing pubsub topics describe "$name-$topic" --project="$project" -- \
      pubsub topics create "$name-$topic" --project="$project"
  done
  run gcloud pubsub topics add-iam-policy-binding "$name-reports" --project="$project" \
    --member="serviceAccount:$runtime" --role=roles/pubsub.publisher
}

secret() {
  create_if_missing secrets describe "$name-policy" --project="$project" -- \
    secrets create "$name-policy" --replication-policy=automatic --project="$project"
  run gcloud secrets add-iam-policy-binding "$name-policy" --project="$project" \
    --member="serviceAccount:$runtime" --role=roles/secretmanager.secretAccessor
  # A version more only where the text is another.
  if [[ $dry_run == yes ]] ||
    ! gcloud secrets versions access latest --secret="$name-policy" --project="$project" 2>/dev/null | cmp -s - policy.yaml; then
    run gcloud secrets versions add "$name-policy" --data-file=policy.yaml --project="$project"
  fi
}

service() {
  render "$deploy/service.yaml" service.yaml
  run gcloud run services replace service.yaml --region="$region" --project="$project"
  local caller kind
  for caller in "$trigger" ${admins//,/ }; do
    kind=user
    [[ $caller != *.gserviceaccount.com ]] || kind=serviceAccount
    run gcloud run services add-iam-policy-binding "$name" --region="$region" --project="$project" \
      --member="$kind:$caller" --role=roles/run.invoker
  done
  run gcloud run services add-iam-policy-binding "$name" --region="$region" --project="$project" \
    --member="serviceAccount:$build" --role=roles/run.developer
}

events() {
  local place writer
  for place in "${places[@]}"; do
    create_or_update logging sinks describe "$name-events" --project="$place" -- \
      logging sinks create "$name-events" "pubsub.googleapis.com/projects/$project/topics/$name-events" \
      --log-filter="$(<"$deploy/sink-filter.txt")" --project="$place" -- \
      logging sinks update "$name-events" --log-filter="$(<"$deploy/sink-filter.txt")" --project="$place"
    writer=$(ask "serviceAccount:WRITER_OF_$place" logging sinks describe "$name-events" --project="$place" \
      --format='value(writerIdentity)')
    run gcloud pubsub topics add-iam-policy-binding "$name-events" --project="$project" \
      --member="$writer" --role=roles/pubsub.publisher
  done
  # Pub/Sub makes the tokens of the push subscription. In projects made after April 2021 it may do so anyway.
  run gcloud iam service-accounts add-iam-policy-binding "$trigger" --project="$project" \
    --member="$pubsub_agent" --role=roles/iam.serviceAccountTokenCreator
  create_or_update pubsub subscriptions describe "$name-events" --project="$project" -- \
    pubsub subscriptions create "$name-events" --topic="$name-events" "${delivery[@]}" --project="$project" -- \
    pubsub subscriptions update "$name-events" "${delivery[@]}" --project="$project"
  create_if_missing pubsub subscriptions describe "$name-dead" --project="$project" -- \
    pubsub subscriptions create "$name-dead" --topic="$name-dead" --ack-deadline=600 --expiration-period=never \
    --message-retention-duration=7d --project="$project"
  run gcloud pubsub topics add-iam-policy-binding "$name-dead" --project="$project" \
    --member="$pubsub_agent" --role=roles/pubsub.publisher
  run gcloud pubsub subscriptions add-iam-policy-binding "$name-events" --project="$project" \
    --member="$pubsub_agent" --role=roles/pubsub.subscriber
}

sweep() {
  local job=(--location="$region" --project="$project" --schedule='*/10 * * * *' --uri="$url/sweep" --http-method=POST
    --message-body='{}' --attempt-deadline=600s --max-retry-attempts=0
    --oidc-service-account-email="$trigger" --oidc-token-audience="$url")
  create_or_update scheduler jobs describe "$name-sweep" --location="$region" --project="$project" -- \
    scheduler jobs create http "$name-sweep" "${job[@]}" --headers=Content-Type=application/json -- \
    scheduler jobs update http "$name-sweep" "${job[@]}" --update-headers=Content-Type=application/json
}

monitoring() {
  local file short title known
  for file in "$deploy"/monitoring/metrics/*.yaml; do
    short=$(basename "$file" .yaml)
    render "$file" "metric-$short.yaml"
    create_or_update logging metrics describe "$name-$short" --project="$project" -- \
      logging metrics create "$name-$short" --config-from-file="metric-$short.yaml" --project="$project" -- \
      logging metrics update "$name-$short" --config-from-file="metric-$short.yaml" --project="$project"
  done
  for file in "$deploy"/monitoring/alerts/*.yaml; do
    short=$(basename "$file" .yaml)
    render "$file" "alert-$short.yaml"
    title=$(sed -n 's/^displayName: "\(.*\)"/\1/p' "alert-$short.yaml")
    known=$(ask '' alpha monitoring policies list --filter="displayName=\"$title\"" --format='value(name)' --project="$project")
    if [[ -n $known ]]; then
      run gcloud alpha monitoring policies update "$known" --policy-from-file="alert-$short.yaml" --project="$project"
    else
      retry gcloud alpha monitoring policies create --policy-from-file="alert-$short.yaml" --project="$project"
    fi
  done
  render "$deploy/monitoring/dashboard.json" dashboard.json
  known=$(ask '' monitoring dashboards list --filter="displayName=\"$name\"" --format='value(name)' --project="$project")
  [[ -n $known ]] || run gcloud monitoring dashboards create --config-from-file=dashboard.json --project="$project"
}

install() {
  step "APIs"
  apis
  step "service accounts"
  accounts
  step "roles ${roles[*]} in ${places[*]}"
  grants
  step "image repository $name"
  repository
  step "image${image:+ $image}"
  built
  step "topics $name-events, $name-dead and $name-reports"
  topics
  step "policy, as the newest version of the secret $name-policy"
  secret
  step "service $name"
  service
  step "log sinks and the subscription $name-events"
  events
  step "sweep every ten minutes"
  sweep
  step "metrics, alerts and dashboard"
  monitoring
  [[ $dry_run == yes ]] || summary
}

summary() {
  cat <<TEXT

Installed.
  service  $url
  image    $image
  reports  projects/$project/topics/$name-reports
To check it:
  egress-reconciler doctor --policy $given_policy --sink projects/${projects[0]}/sinks/$name-events \\
    --subscription projects/$project/subscriptions/$name-events \\
    --service projects/$project/locations/$region/services/$name \\
    --report-topic projects/$project/topics/$name-reports
TEXT
}

# --- uninstall ------------------------------------------------------------------------------------------------------

# What the service made in the projects stays: connectors, subnets, NAT, firewall rules. So do its images and the APIs.
uninstall() {
  if [[ $dry_run == no && $yes == no ]] && exists secrets describe "$name-policy" --project="$project"; then
    [[ -t 0 ]] || fail "uninstall deletes the policy, the secret $name-policy: add --yes, or run it on a terminal"
    local answer
    read -rp "Uninstall deletes the policy with all its versions (secret $name-policy of $project). Only \"yes\" is accepted: " answer
    [[ $answer == yes ]] || fail "nothing was changed"
  fi
  delete_if_exists scheduler jobs describe "$name-sweep" --location="$region" --project="$project" -- \
    scheduler jobs delete "$name-sweep" --location="$region" --project="$project"
  local place role one
  for place in "${places[@]}"; do
    delete_if_exists logging sinks describe "$name-events" --project="$place" -- \
      logging sinks delete "$name-events" --project="$place"
  done
  for one in events dead; do
    delete_if_exists pubsub subscriptions describe "$name-$one" --project="$project" -- \
      pubsub subscriptions delete "$name-$one" --project="$project"
  done
  for one in events dead reports; do
    delete_if_exists pubsub topics describe "$name-$one" --project="$project" -- \
      pubsub topics delete "$name-$one" --project="$project"
  done
  delete_if_exists run services describe "$name" --region="$region" --project="$project" -- \
    run services delete "$name" --region="$region" --project="$project"
  delete_if_exists secrets describe "$name-policy" --project="$project" -- secrets delete "$name-policy" --project="$project"
  for place in "${places[@]}"; do
    for role in egressReconciler egressReconcilerDeletions egressReconcilerNetwork; do
      if [[ -n $(ask yes iam roles list --project="$place" --filter="name~/$role\$" --format='value(name)') ]]; then
        run gcloud projects remove-iam-policy-binding "$place" --all --quiet \
          --member="serviceAccount:$runtime" --role="projects/$place/roles/$role"
        run gcloud iam roles delete "$role" --project="$place" --quiet
      fi
    done
  done
  if [[ $dry_run == yes ]] || exists iam service-accounts describe "$build" --project="$project"; then
    for role in "${build_roles[@]}"; do
      run gcloud projects remove-iam-policy-binding "$project" --all --quiet \
        --member="serviceAccount:$build" --role="roles/$role"
    done
  fi
  for one in "$runtime" "$trigger" "$build"; do
    delete_if_exists iam service-accounts describe "$one" --project="$project" -- \
      iam service-accounts delete "$one" --project="$project"
  done
  watched
}

# The alerts go before the metrics that they read.
watched() {
  local file one
  for one in $(ask ALERTS alpha monitoring policies list --filter="displayName:\"$name:\"" --format='value(name)' --project="$project"); do
    run gcloud alpha monitoring policies delete "$one" --project="$project" --quiet
  done
  for one in $(ask DASHBOARD monitoring dashboards list --filter="displayName=\"$name\"" --format='value(name)' --project="$project"); do
    run gcloud monitoring dashboards delete "$one" --project="$project" --quiet
  done
  for file in "$deploy"/monitoring/metrics/*.yaml; do
    one=$name-$(basename "$file" .yaml)
    delete_if_exists logging metrics describe "$one" --project="$project" -- logging metrics delete "$one" --project="$project"
  done
}

# --- events that were given up --------------------------------------------------------------------------------------

redrive() {
  run gcloud pubsub subscriptions modify-push-config "$name-dead" --project="$project" --push-endpoint="$url/" \
    --push-auth-service-account="$trigger" --push-auth-token-audience="$url"
}

redrive-end() { run gcloud pubsub subscriptions modify-push-config "$name-dead" --project="$project" --push-endpoint=; }

# --------------------------------------------------------------------------------------------------------------------

number=$(ask PROJECT_NUMBER projects describe "$project" --format='value(projectNumber)')
url=https://$name-$number.$region.run.app
pubsub_agent=serviceAccount:service-$number@gcp-sa-pubsub.iam.gserviceaccount.com
delivery=(--ack-deadline=600 --push-endpoint="$url/" --push-auth-service-account="$trigger"
  --push-auth-token-audience="$url" --min-retry-delay=10s --max-retry-delay=600s
  --dead-letter-topic="$name-dead" --max-delivery-attempts=100 --expiration-period=never)

# Commands find their files by bare names, so that what --dry-run prints is the same everywhere.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
given_policy=$policy
[[ $command != install ]] || cp "$policy" "$work/policy.yaml"
cp "$deploy/sink-filter.txt" "$work/"
cp "$deploy/roles/egress-reconciler.yaml" "$work/egressReconciler.yaml"
cp "$deploy/roles/egress-reconciler-deletions.yaml" "$work/egressReconcilerDeletions.yaml"
cp "$deploy/roles/egress-reconciler-network.yaml" "$work/egressReconcilerNetwork.yaml"
cd "$work"
"$command"
