{{/* Labels of everything. */}}
{{- define "akid.labels" -}}
{{ include "akid.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: akid
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels of the operator's pods, never to change. */}}
{{- define "akid.selector" -}}
app.kubernetes.io/name: akid-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of the GlusterFS driver's pods, never to change. */}}
{{- define "akid.csiSelector" -}}
app.kubernetes.io/name: akid-gluster-csi
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* An image: (list . "its full name, or empty" "its short name"). */}}
{{- define "akid.image" -}}
{{- $root := index . 0 -}}
{{- $images := $root.Values.images -}}
{{- $registry := ternary (printf "%s/" (trimSuffix "/" $images.registry)) "" (ne $images.registry "") -}}
{{- index . 1 | default (printf "%s%s:%s" $registry (index . 2) ($images.tag | default $root.Chart.AppVersion)) -}}
{{- end }}

{{/* The operator's command line. */}}
{{- define "akid.arguments" -}}
- --metrics-port={{ .Values.metrics.port }}
- --lease-seconds={{ .Values.leaseSeconds }}
- --resync-seconds={{ .Values.resyncSeconds }}
- --progress-writes-per-second={{ .Values.progressWritesPerSecond }}
- --log-format={{ .Values.logFormat }}
{{- range .Values.watchNamespaces }}
- --namespace={{ . }}
{{- end }}
- --trainer-image={{ include "akid.image" (list . .Values.jobs.image "akid-trainer") }}
{{- range .Values.jobs.pullSecrets }}
- --pull-secret={{ . }}
{{- end }}
{{- range $name, $value := .Values.jobs.env }}
- {{ printf "--pod-env=%s=%v" $name $value | quote }}
{{- end }}
{{- range .Values.jobs.allowedVolumes }}
- --allowed-volume={{ . }}
{{- end }}
{{- with .Values.jobs.networkPolicy }}
{{- if .enabled }}
- {{ prepend (.statusFrom | default list) (include "akid.self" $ | fromYaml) | toJson | printf "--isolate-jobs=%s" | quote }}
{{- end }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* Who the operator is. */}}
{{- define "akid.subjects" -}}
- kind: ServiceAccount
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* The operator's pods, as a NetworkPolicyPeer. */}}
{{- define "akid.self" -}}
namespaceSelector:
  matchLabels:
    kubernetes.io/metadata.name: {{ .Release.Namespace }}
podSelector:
  matchLabels: {{- include "akid.selector" . | nindent 4 }}
{{- end }}

{{/* What the operator may do with the jobs of a namespace. */}}
{{- define "akid.rules" -}}
{{ .Files.Get "files/rules.yaml" | trim }}
{{- if .Values.jobs.networkPolicy.enabled }}
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, create]
{{- end }}
{{- end }}
